"""An open DCGM engine tells what the accelerators do."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M084",
    name="dcgm_open",
    title="An open DCGM engine tells what the accelerators do",
    gives="counters, processes and health of every accelerator of the host; not their memory",
    rules=(
        Rule(
            start=(At("service", "connect"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("service_kind", "service", Is("dcgm")),
                Atom("authenticates", "service", Is("none")),
                Atom("runs_on", "service", "host"),
                Atom("has_gpu", "host", "gpu"),
            ),
        ),
    ),
    minutes=Minutes(1, 30, "estimate: one connection of the tool of the same name"),
    why="The DCGM host engine asks nobody who they are; over the network it hands out profiling counters that local accounts may not read.",
    end="Bind nv-hostengine to a Unix socket or the loopback address; let only the scraper reach the exporter.",
    attack=("T1046",),
)
