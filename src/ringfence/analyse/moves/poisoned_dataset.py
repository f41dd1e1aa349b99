"""Whoever changes the training data changes what is trained from it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M114",
    name="poisoned_dataset",
    title="Whoever changes the training data changes what is trained from it",
    gives="behaviour of the model, after the next training",
    rules=(
        Rule(
            start=(At("data", "write"),),
            to=At("made", "write"),
            facts=(Atom("trained_from", "made", "data"),),
        ),
        Rule(
            start=(At("data", "write"),),
            to=At("made", "write"),
            facts=(Atom("part_of", "made", "data"), Atom("has_format", "made", "format")),
            kinds={"made": ("dataset",)},
        ),
    ),
    minutes=Minutes(60, 43200, "estimate: minutes to plant, then the time until the next training run ends"),
    why="A model is a function of its data: few planted samples suffice for a trigger, and derived datasets carry them on.",
    end="Let only the ingesting identity write; hash datasets when they are approved and check before each run; keep lineage.",
    attack=("T1565",),
    atlas=("AML.T0020",),
)
