"""An account that a host admits opens a shell there."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M036",
    name="ssh_login_host",
    function=True,
    title="An account that a host admits opens a shell there",
    gives="a shell as that account",
    rules=(
        Rule(start=(At("identity", "use"),), to=At("place", "login"), facts=(Atom("may_login", "identity", "place"),)),
        Rule(
            start=(
                At("host", "login"),
                At("service", "connect"),
            ),
            to=At("host", "user"),
            facts=(
                Atom("runs_on", "service", "host"),
                Atom("service_kind", "service", Is("ssh")),
                Atom("setting", "host", Is("pam_slurm_adopt=off"), hole="pam"),
            ),
        ),
        Rule(
            start=(At("host", "login"),),
            to=At("host", "user"),
            facts=(
                Atom("setting", "host", Is("pam_slurm_adopt=off")),
                Atom("setting", "host", Is("ssh_from=anywhere"), hole="sockets"),
            ),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "login"),),
            to=At("host", "user"),
            facts=(
                Atom("asked", "host", Is("pam"), {"answered": False}),
                Atom("setting", "host", Is("ssh_from=anywhere"), hole="sockets"),
            ),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "login"),),
            to=At("host", "user"),
            facts=(
                Atom("setting", "host", Is("pam_slurm_adopt=off")),
                Atom("runs_on", "service", "host"),
                Atom("service_kind", "service", Is("ssh")),
                Atom("setting", "host", Is("ssh_from=anywhere"), hole="addresses"),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one login"),
    why="sshd admits every account with a shell unless AllowUsers, AllowGroups or PAM say otherwise. Where nobody captured what listens, or PAM, the login is not ruled out and is marked unknown.",
    end="Let accounts in only where they have a job (pam_slurm_adopt) or are named (AllowGroups); close port 22 between nodes.",
    attack=("T1021.004",),
    atlas=("AML.T0012",),
)
