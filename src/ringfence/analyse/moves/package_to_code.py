"""Whoever changes a package has code where it is built in."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M118",
    name="package_to_code",
    title="Whoever changes a package has code where it is built in",
    gives="code inside what uses the package",
    rules=(
        Rule(
            start=(At("package", "write"),),
            to=At("image", "write"),
            facts=(Atom("contains_package", "image", "package"), Atom("uses_image", "work", "image")),
            kinds={"image": ("image",)},
        ),
        Rule(
            start=(At("package", "write"),),
            to=At("job", "code"),
            facts=(Atom("contains_package", "job", "package"), Atom("runs_on", "job", "host")),
            kinds={"job": ("job",)},
        ),
    ),
    minutes=Minutes(60, 10080, "estimate: a release, then the time until the next build"),
    why="Builds take the newest version that fits, from an index that outsiders or many insiders can write.",
    end="Pin by hash, mirror behind review, and rebuild from the mirror only.",
    attack=("T1195",),
    atlas=("AML.T0010",),
)
