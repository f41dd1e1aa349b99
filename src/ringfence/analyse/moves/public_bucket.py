"""Anyone on the internet reads or fills a public bucket."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import OUTSIDE

MOVE = Move(
    id="RF-M113",
    name="public_bucket",
    title="Anyone on the internet reads or fills a public bucket",
    gives="the objects, from outside",
    rules=(
        Rule(
            start=(At(Is(OUTSIDE), "send"),),
            to=At("bucket", "read"),
            facts=(Atom("setting", "bucket", Is("public=read")),),
        ),
        Rule(
            start=(At(Is(OUTSIDE), "send"),),
            to=At("bucket", "write"),
            facts=(Atom("setting", "bucket", Is("public=write")),),
        ),
    ),
    minutes=Minutes(0, 5, "estimate: one unauthenticated request"),
    why="The policy or access list grants the rights to everyone, and no public-access block stands before it.",
    end="Switch on all four settings of the public-access block, for the account as a whole.",
    atlas=("AML.T0035",),
)
