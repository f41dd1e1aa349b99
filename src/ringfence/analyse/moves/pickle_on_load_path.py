"""A planted pickle runs code in the job that loads it."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M116",
    name="pickle_on_load_path",
    title="A planted pickle runs code in the job that loads it",
    gives="code inside the job, with its rights",
    rules=(
        Rule(
            start=(At("data", "write"),),
            to=At("work", "code"),
            facts=(Atom("has_format", "data", Is("pickle")), Atom("reads", "work", "data")),
        ),
    ),
    minutes=Minutes(1, 1440, "estimate: a minute to plant, then the time until the job loads it"),
    why="Loading a pickle runs what it says; .pt, .pth and .bin checkpoints are pickles inside.",
    end="Convert to safetensors; load the rest with weights_only=True; let nobody but the training identity write.",
    attack=("T1195",),
    atlas=("AML.T0011",),
)
