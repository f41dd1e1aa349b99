"""Who logs in to a node, and by what."""

from ringfence.assess.harden.measure import Holds, Measure, Own, There, Told

_MAIN = "/etc/ssh/sshd_config"
_FOLDER = r"(?i)\s*Include\s+\S*sshd_config\.d/\*(?:\.conf)?\s*"
_INCLUDES = Holds(_MAIN, _FOLDER, "sshd_config includes sshd_config.d")

MEASURE = Measure(
    id="RF-X15",
    name="ssh_daemon",
    title="sshd trusts no host, no empty password, no environment, and root's key only",
    why="Trust between nodes makes one node all nodes; an environment that users set loads their libraries in logins.",
    breaks="`shosts` logins between nodes (use Slurm's launch), environment files in `authorized_keys`, X11, and "
    "password logins of root.",
    needs=(There((_MAIN,), "sshd is configured"),),
    wants=(
        Told(_MAIN, _FOLDER, "it includes no sshd_config.d/*.conf; add the line at its top"),
        Own(
            "/etc/ssh/sshd_config.d/00-ringfence-harden.conf",
            "HostbasedAuthentication no\nIgnoreRhosts yes\nPermitEmptyPasswords no\nPermitUserEnvironment no\n"
            "X11Forwarding no\n",
            check="sshd",
            announce="sshd",
            needs=(_INCLUDES,),
        ),
        Own(
            "/etc/ssh/sshd_config.d/00-ringfence-root.conf",
            "PermitRootLogin prohibit-password\n",
            check="sshd",
            announce="sshd",
            needs=(
                _INCLUDES,
                Holds("/root/.ssh/authorized_keys", r"\s*(?:ssh|ecdsa|sk)-\S+ .+", "root has a key to log in with"),
            ),
        ),
    ),
    never="Password logins of other accounts stay: whoever has no key would be locked out. Without a key of root's its "
    "password login stays too. Sessions that are open stay open.",
    topic="ssh",
    source="sshd_config(5)",
)
