"""A role or account reads and fills the buckets that its policies name."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M131",
    name="role_reads_bucket",
    function=True,
    title="A role or account reads and fills the buckets that its policies name",
    gives="the objects",
    rules=(
        Rule(
            start=(At("who", "use"),),
            to=At("bucket", "read"),
            facts=(Atom("readable_by", "bucket", "who"), Atom("setting", "bucket", Is("kind=bucket"))),
        ),
        Rule(
            start=(At("who", "use"),),
            to=At("bucket", "write"),
            facts=(Atom("writable_by", "bucket", "who"), Atom("setting", "bucket", Is("kind=bucket"))),
        ),
        Rule(
            start=(At("all", "read"),),
            to=At("bucket", "read"),
            facts=(Atom("part_of", "bucket", "all"), Atom("setting", "bucket", Is("kind=bucket"))),
            kinds={"bucket": ("storage",)},
        ),
        Rule(
            start=(At("all", "write"),),
            to=At("bucket", "write"),
            facts=(Atom("part_of", "bucket", "all"), Atom("setting", "bucket", Is("kind=bucket"))),
            kinds={"bucket": ("storage",)},
        ),
    ),
    minutes=Minutes(0, 5, "estimate: one request, the transfer itself not counted"),
    why="Object storage has no place in a network: whoever holds the role reads it from anywhere, past every security group.",
    end="Name single buckets and prefixes in policies, demand the VPC endpoint in bucket policies, encrypt with a key that the role alone may use.",
    atlas=("AML.T0035",),
)
