"""Code on a machine sends on the networks that the machine is attached to."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M031",
    name="host_to_network",
    function=True,
    title="Code on a machine sends on the networks that the machine is attached to",
    gives="traffic into that network, from an address that it trusts",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At("network", "send"),
            facts=(Atom("attached_to", "host", "network"),),
            kinds={"host": ("host", "workstation")},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: any program that opens a socket"),
    why="An ordinary account may open connections from every address that its machine has.",
    end="Filter outgoing traffic of accounts on the host (nftables by account or cgroup), or detach the machine from networks that its jobs do not need.",
    attack=("T1090", "T1021"),
)
