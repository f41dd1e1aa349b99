"""One accelerator under two names."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M066",
    name="gpu_alias",
    title="One accelerator under two names",
    gives="nothing new: a scheduler names it by host and index, the driver by UUID",
    rules=(
        Rule(
            start=(At("alias", "memory"),),
            to=At("gpu", "memory"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("same_as", "alias", "gpu"),
            ),
        ),
        Rule(
            start=(At("gpu", "memory"),),
            to=At("alias", "memory"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("same_as", "alias", "gpu"),
            ),
        ),
        Rule(
            start=(At("alias", "context"),),
            to=At("gpu", "context"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("same_as", "alias", "gpu"),
            ),
        ),
        Rule(
            start=(At("gpu", "context"),),
            to=At("alias", "context"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("same_as", "alias", "gpu"),
            ),
        ),
        Rule(
            start=(At("alias", "observe"),),
            to=At("gpu", "observe"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("same_as", "alias", "gpu"),
            ),
        ),
        Rule(
            start=(At("gpu", "observe"),),
            to=At("alias", "observe"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("same_as", "alias", "gpu"),
            ),
        ),
    ),
    minutes=Minutes(0, 0, "no step at all: the two names are one thing"),
    why="Jobs are recorded with the index of the accelerator on its host, the driver reports UUIDs; both sources are joined by host and index.",
    end="Nothing to end.",
)
