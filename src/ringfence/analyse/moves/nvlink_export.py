"""A host that IMEX trusts maps memory across the NVLink domain."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M076",
    name="nvlink_export",
    function=True,
    title="A host that IMEX trusts maps memory across the NVLink domain",
    gives="what any member of the domain exports, on any channel",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("domain", "export"),
            facts=(
                Atom("uses_imex", "host", "channel"),
                Atom("imex_of", "channel", "domain"),
            ),
            kinds={"host": ("host",)},
        ),
        Rule(start=(At("gpu", "admin"),), to=At("domain", "export"), facts=(Atom("nvlink_member", "gpu", "domain"),)),
    ),
    minutes=Minutes(10, 60, "estimate: make the device file of the channel wanted, or speak for the IMEX daemon"),
    why="Channels are kept apart by each host for its own users. The superuser of one tray makes any channel, and firmware of one accelerator addresses its links directly.",
    end="One tenant per NVLink partition (NMX-M or fabric manager), so that no tray of another tenant is in the domain.",
)
