"""A key that opens the superuser's account is the host."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M044",
    name="root_login_by_key",
    title="A key that opens the superuser's account is the host",
    gives="a shell as the superuser",
    rules=(
        Rule(
            start=(
                At("credential", "use"),
                At("service", "connect"),
            ),
            to=At("host", "root"),
            facts=(
                Atom("accepts_key", "host", "credential", {"account": "root", "forced": False}),
                Atom("setting", "host", Is("ssh_root=key"), hole="sshd"),
                Atom("runs_on", "service", "host"),
                Atom("service_kind", "service", Is("ssh")),
            ),
        ),
        Rule(
            start=(At("credential", "use"),),
            to=At("host", "root"),
            facts=(
                Atom("accepts_key", "host", "credential", {"account": "root", "forced": False}),
                Atom("setting", "host", Is("ssh_root=key")),
                Atom("setting", "host", Is("ssh_from=anywhere"), hole="sockets"),
            ),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 2, "estimate: one login with the key"),
    why="root's authorized_keys often holds one key for all nodes; whoever has it is the superuser everywhere.",
    end="PermitRootLogin no, or forced-commands-only; let administrators log in as themselves and use sudo.",
    attack=("T1021.004", "T1078.003"),
)
