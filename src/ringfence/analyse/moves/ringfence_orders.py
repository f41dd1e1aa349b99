"""Whoever holds the server gives orders to every enforcer."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M141",
    name="ringfence_orders",
    function=True,
    title="Whoever holds the server gives orders to every enforcer",
    gives="what an order can do, as root, on each host that obeys",
    rules=(
        Rule(
            start=(At("server", "admin"),),
            to=At("host", "root"),
            facts=(Atom("enforced_by", "host", "server"),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one signed order"),
    why="An enforcer obeys signed orders as the superuser; the server is able to sign.",
    end="Keep the signing key off the server; limit orders to desired states that the enforcer checks itself; give hosts different servers.",
    attack=("T1072",),
)
