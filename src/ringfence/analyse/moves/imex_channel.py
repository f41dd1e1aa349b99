"""Work opens an IMEX channel."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M074",
    name="imex_channel",
    title="Work opens an IMEX channel",
    gives="the right to map what other holders of the channel export, anywhere in the NVLink domain",
    rules=(
        Rule(
            start=(At("work", "code"),),
            to=At("channel", "export"),
            facts=(Atom("uses_imex", "work", "channel"),),
            kinds={"work": ("job", "container")},
        ),
        Rule(
            start=(At("host", "user"),),
            to=At("channel", "export"),
            facts=(
                Atom("uses_imex", "host", "channel"),
                Atom("device_open", "host", Is("imex"), hole="devices"),
            ),
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("channel", "export"),
            facts=(Atom("uses_imex", "host", "channel"),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: open one device file"),
    why="A channel is a device file: whoever opens it shares memory with every other holder in the domain. Without channels per job all jobs hold channel 0.",
    end="A channel per job (SwitchType=switch/nvidia_imex, or compute domains in Kubernetes), and no channel 0 open to all.",
)
