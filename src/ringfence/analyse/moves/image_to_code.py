"""Whoever changes an image has code in everything that starts from it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M117",
    name="image_to_code",
    title="Whoever changes an image has code in everything that starts from it",
    gives="code inside the job, container or service",
    rules=(
        Rule(
            start=(At("image", "write"),),
            to=At("work", "code"),
            facts=(Atom("uses_image", "work", "image"),),
        ),
    ),
    minutes=Minutes(5, 1440, "estimate: a push, then the time until the next start"),
    why="A tag is a name, not a content: the next pull or start takes what lies there now.",
    end="Reference images by digest, sign them and admit only signed ones; keep squashfs images where jobs cannot write.",
    attack=("T1525",),
    atlas=("AML.T0010",),
)
