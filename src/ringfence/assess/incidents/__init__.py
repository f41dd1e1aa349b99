"""Past incidents: one file each, one line here each."""

from ringfence.assess.incident import Incident
from ringfence.assess.incidents import open_registry, pickled_model, shadowray

INCIDENTS: tuple[Incident, ...] = (
    shadowray.INCIDENT,
    open_registry.INCIDENT,
    pickled_model.INCIDENT,
)
