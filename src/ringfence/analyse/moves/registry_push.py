"""An image is replaced in a registry that lets its caller push."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M128",
    name="registry_push",
    title="An image is replaced in a registry that lets its caller push",
    gives="the image that others pull",
    rules=(
        Rule(
            start=(At("registry", "connect"),),
            to=At("image", "write"),
            facts=(Atom("pulled_from", "image", "registry"), Atom("authenticates", "registry", Is("none"))),
            kinds={"image": ("image",)},
        ),
        Rule(
            start=(At("account", "use"), At("registry", "connect")),
            to=At("image", "write"),
            facts=(Atom("pulled_from", "image", "registry"), Atom("writable_by", "image", "account")),
            kinds={"image": ("image",)},
        ),
    ),
    minutes=Minutes(1, 15, "estimate: one push"),
    why="A registry without authentication takes a new image under an old tag from anyone who reaches it.",
    end="Require a token to push, make tags immutable, pull by digest.",
    attack=("T1525",),
    atlas=("AML.T0010",),
)
