"""An account logs in to a node where it has no job."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

_NODE = (
    Atom("in_partition", "host", "partition"),
    Atom("in_cluster", "partition", "cluster"),
)

MOVE = Move(
    id="RF-M062",
    name="no_pam_adopt",
    title="An account logs in to a node where it has no job",
    gives="a shell on the node beside other users' jobs, outside every limit of the scheduler",
    rules=(
        Rule(
            start=(
                At("cluster", "login"),
                At("service", "connect"),
            ),
            to=At("host", "user"),
            facts=(
                *_NODE,
                Atom("runs_on", "service", "host"),
                Atom("service_kind", "service", Is("ssh")),
                Atom("setting", "host", Is("ssh_login=any"), hole="sshd"),
                Atom("setting", "host", Is("pam_slurm_adopt=off"), hole="pam"),
            ),
        ),
        Rule(
            start=(At("cluster", "login"),),
            to=At("host", "user"),
            facts=(
                *_NODE,
                Atom("setting", "host", Is("pam_slurm_adopt=off")),
                Atom("setting", "host", Is("ssh_from=anywhere"), hole="sockets"),
            ),
        ),
    ),
    minutes=Minutes(1, 3, "estimate: one ssh from a login host"),
    why="Without pam_slurm_adopt sshd lets every account of the directory in, whether or not it has a job there, unless AllowUsers or AllowGroups name others. Where nobody captured what listens, the login is marked unknown.",
    end="pam_slurm_adopt.so in the account stack of sshd on every node, PrologFlags=Contain, and no pam_systemd in its way.",
    attack=("T1021.004",),
)
