"""A flaw of the container toolkit lets an image out onto its host."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Prefix, Rule

MOVE = Move(
    id="RF-M049",
    name="toolkit_escape",
    title="A flaw of the container toolkit lets an image out onto its host",
    gives="a shell as the superuser of the host",
    rules=(
        Rule(
            start=(At("image", "write"),),
            to=At("host", "root"),
            facts=(
                Atom("vulnerable_to", "host", Prefix("CVE-"), {"gives": "container-escape"}),
                Atom("runs_on", "work", "host"),
                Atom("uses_image", "work", "image"),
            ),
        ),
        Rule(
            start=(At("job", "code"),),
            to=At("host", "root"),
            facts=(
                Atom("vulnerable_to", "host", Prefix("CVE-"), {"gives": "container-escape"}),
                Atom("runs_on", "job", "host"),
                Atom("uses_image", "job", "image"),
            ),
            kinds={"job": ("job",)},
        ),
    ),
    minutes=Minutes(1, 30, "estimate: an image of a few lines"),
    why="The toolkit prepares each container as the superuser and trusts what the image brings: links, or a library that its hook loads. A job's user starts an image of his own; in a pod whoever changes its image does.",
    end="Update the toolkit to 1.17.8 or later; until then disable the enable-cuda-compat hook and start only images of your own registry. CDI mode is no way round: it ends the two flaws before 1.17.4, and has CVE-2025-23266 up to 1.17.7.",
    attack=("T1611", "T1068"),
    atlas=("AML.T0105",),
)
