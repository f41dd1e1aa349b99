"""Jobs on slices of one accelerator watch each other."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M073",
    name="mig_neighbour",
    title="Jobs on slices of one accelerator watch each other",
    gives="launch timing of the neighbour slice; published work tells models and token counts from it, not the data",
    rules=(
        Rule(
            start=(At("piece", "context"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("part_of", "piece", "gpu"),
                Atom("setting", "gpu", Is("mig_shared=on")),
            ),
        ),
    ),
    minutes=Minutes(60, 600, "estimate: a classifier has to be trained on known models first"),
    why="MIG splits memory and compute units, but the front end that accepts work, clocks and power stay common.",
    end="Give all slices of one accelerator to one tenant.",
)
