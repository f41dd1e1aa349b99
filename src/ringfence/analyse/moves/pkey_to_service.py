"""A partition carries an IP subnet and what listens on it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M089",
    name="pkey_to_service",
    function=True,
    title="A partition carries an IP subnet and what listens on it",
    gives="a connection to the service, or a place in the IP subnet; no account there yet",
    rules=(
        Rule(
            start=(At("pkey", "relay"),),
            to=At("service", "connect"),
            facts=(Atom("listens_on", "service", "pkey", {"membership": "full"}),),
        ),
        Rule(
            start=(At("pkey", "relay"),),
            to=At("subnet", "relay"),
            facts=(Atom("part_of", "subnet", "pkey", {"link_layer": "InfiniBand"}),),
        ),
        Rule(
            start=(At("subnet", "relay"),),
            to=At("service", "connect"),
            facts=(
                Atom("attached_to", "host", "subnet", {"membership": "full"}),
                Atom("runs_on", "service", "host"),
                Atom("listens_on", "service", "subnet"),
            ),
        ),
        Rule(
            start=(At("pkey", "send"),),
            to=At("subnet", "send"),
            facts=(Atom("part_of", "subnet", "pkey", {"link_layer": "InfiniBand"}),),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one connection by RDMA or IP"),
    why="An IPoIB interface lies in exactly one partition, so a member of the partition is on that subnet; programs that wait for RDMA connections accept them from any partition of their port. A limited member gets as far as the full ones.",
    end="Bind services to a partition that only their users hold; keep management services off IPoIB.",
    attack=("T1021",),
)
