"""Jobs on one IMEX channel map the memory that each exports."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M075",
    name="imex_memory",
    title="Jobs on one IMEX channel map the memory that each exports",
    gives="accelerator memory that the other job exports over NVLink: communication buffers, gradients, weight shards; no shell",
    rules=(
        Rule(
            start=(At("channel", "export"),),
            to=At("gpu", "memory"),
            facts=(
                Atom("uses_imex", "work", "channel"),
                Atom("uses_gpu", "work", "gpu"),
            ),
        ),
        Rule(
            start=(At("channel", "export"),),
            to=At("gpu", "memory"),
            facts=(
                Atom("uses_imex", "host", "channel"),
                Atom("device_open", "host", Is("imex")),
                Atom("has_gpu", "host", "gpu"),
            ),
        ),
    ),
    minutes=Minutes(10, 120, "estimate: obtain a fabric handle of the other job, then map it"),
    why="The channel is the only isolation between importers and exporters of one NVLink domain; nothing else asks who maps a handle.",
    end="A channel per job, so that only its own ranks hold it; one tenant per NVLink domain where that is possible.",
    atlas=("AML.T0035",),
)
