"""An account of a cluster opens a shell on its hosts."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M037",
    name="ssh_login_cluster",
    function=True,
    title="An account of a cluster opens a shell on its hosts",
    gives="a shell as that account",
    rules=(
        Rule(
            start=(
                At("cluster", "login"),
                At("service", "connect"),
            ),
            to=At("host", "user"),
            facts=(
                Atom("in_cluster", "host", "cluster"),
                Atom("runs_on", "service", "host"),
                Atom("service_kind", "service", Is("ssh")),
                Atom("setting", "host", Is("ssh_login=any"), hole="sshd"),
                Atom("setting", "host", Is("pam_slurm_adopt=off"), hole="pam"),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one login"),
    why="Where a directory makes every account known on every node, one account is a shell on all of them, unless sshd or PAM says no.",
    end="Use pam_slurm_adopt on compute nodes; limit login nodes by AllowGroups.",
    attack=("T1021.004",),
)
