"""A job or container uses the storage that is mounted into it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M101",
    name="job_mounts",
    function=True,
    title="A job or container uses the storage that is mounted into it",
    gives="a client's place on the storage: what file modes then allow",
    rules=(
        Rule(
            start=(At("work", "code"),),
            to=At("storage", "mount"),
            facts=(Atom("mounts", "work", "storage"),),
            kinds={"work": ("job", "pod", "container")},
        ),
        Rule(
            start=(At("work", "code"),),
            to=At("storage", "mount"),
            facts=(Atom("shares_volume", "work", "storage"),),
            kinds={"work": ("job", "pod", "container")},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: the folder is already there"),
    why="Code that came in through an image, a package or a pickle sees the same folders as the job that loaded it.",
    end="Give a job only the volumes that it reads, read-only where it does not write.",
    attack=("T1083",),
)
