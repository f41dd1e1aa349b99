"""Logins on compute nodes."""

from ringfence.assess.harden.measure import Edit, Either, Holds, Measure, Own, There, Told
from ringfence.wire.host.edits import PAM_ADMINS

_MODULE = tuple(
    f"{folder}/pam_slurm_adopt.so" for folder in ("/usr/lib/*/security", "/usr/lib64/security", "/usr/lib/security")
)
_KEY = Holds("/root/.ssh/authorized_keys", r"\s*(?:ssh|ecdsa|sk)-\S+ .+", "root has a key to log in with")
_GROUP = Holds("/etc/group", r"(?:sudo|wheel):[^:]*:[0-9]+:[^:]+", "somebody is in the group sudo or wheel")
_SYSTEMD = "pam_systemd takes a login out of its job again; leave it out of the session phase of sshd"

MEASURE = Measure(
    id="RF-X16",
    name="job_logins",
    title="Only those whose job runs on a node log in there, into that job",
    why="Without it every account of the cluster logs in to every node, beside other tenants' jobs, and outlives its "
    "own.",
    breaks="Logins to nodes without a job there. Root, and the groups sudo and wheel, still get in.",
    needs=(
        There(_MODULE, "pam_slurm_adopt is installed"),
        There(("/etc/pam.d/sshd",), "sshd uses PAM"),
        There(("/usr/sbin/slurmd", "/usr/local/sbin/slurmd", "/opt/slurm/sbin/slurmd"), "slurmd is installed"),
    ),
    way=(Either((_GROUP, _KEY), "an administrator can still get in: a member of sudo or wheel, or a key of root's"),),
    wants=(
        Own(PAM_ADMINS, "+:root:ALL\n+:(sudo) (wheel):ALL\n-:ALL:ALL\n"),
        Edit("/etc/pam.d/sshd", "pam", check="pam"),
        Told(
            "/etc/slurm/slurm.conf",
            r"(?i)\s*PrologFlags\s*=[^#]*contain.*",
            "PrologFlags does not name contain, without which no login is adopted; set it for the whole cluster",
        ),
        Told("/etc/pam.d/sshd", r"-?session\s.*pam_systemd\.so.*", _SYSTEMD, never=True),
        *(
            Told(
                path,
                r"-?session\s.*pam_systemd\.so.*",
                _SYSTEMD,
                never=True,
                needs=(There((path,), f"there is {path}"),),
            )
            for path in ("/etc/pam.d/common-session", "/etc/pam.d/password-auth")
        ),
    ),
    never="The rule goes behind the way of administrators, and only where one of them can get in.",
    topic="ssh",
    source="pam_slurm_adopt of Slurm; pam_access(8)",
)
