"""Whoever has the key that signs orders needs no server."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M142",
    name="order_signing_key",
    function=True,
    title="Whoever has the key that signs orders needs no server",
    gives="orders that every enforcer obeys",
    rules=(
        Rule(
            start=(At("credential", "use"),),
            to=At("server", "admin"),
            facts=(Atom("signs_orders", "credential", "server"),),
        ),
    ),
    minutes=Minutes(5, 60, "estimate: write one order by hand"),
    why="Enforcers check the signature, not where an order came from.",
    end="Keep the key in a hardware module that counts and logs; roll it when anyone leaves; let orders expire within minutes.",
    attack=("T1552.004", "T1072"),
)
