"""From an estate to the ground that plans stand on."""

from ringfence.app.questions import Questions
from ringfence.estate.estate import Estate
from ringfence.respond.ground import Ground
from ringfence.respond.separate_options import warm


def ground_of(
    estate: Estate,
    reachable: frozenset[tuple[str, str]],
    digest: str = "",
    never: frozenset[str] = frozenset(),
    questions: Questions | None = None,
) -> Ground:
    """The ground, prepared: seconds of work on 10,000 nodes, done once per estate.

    `reachable`: the (target, place) at which an enforcer answers. `digest`: the estate's SHA-256. `questions`: those
    asked of the same estate, where they exist already, so that moves are derived once. `never`: what plans on it will
    be told not to cut, so that the first of them does not wait.
    """
    asked = questions or Questions(estate)
    graph, jewels = asked.graph, asked.jewel_positions.tolist()
    taken = max(
        (float(table.observed[table.live].max()) for table in estate.tables.values() if table.count), default=0.0
    )
    ground = Ground(estate, graph, jewels, reachable, digest, taken)
    ground.prepare()
    warm(ground, never)
    return ground
