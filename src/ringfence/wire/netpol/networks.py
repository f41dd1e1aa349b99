"""Networks beside the pod network: UserDefinedNetwork, ClusterUserDefinedNetwork, NetworkAttachmentDefinition."""

from ringfence.errors import InputError
from ringfence.wire.netpol import labels, shapes
from ringfence.wire.netpol.values import Definition, PrimaryNetwork
from ringfence.wire.netpol.workloads import DEFAULT

_ROLES = frozenset(("Primary", "Secondary"))


def user_defined(kind: str, written: shapes.UserDefinedNetwork, notes: list[str]) -> tuple[PrimaryNetwork, ...]:
    """A UserDefinedNetwork of the role Primary; others are left out with a note."""
    del kind
    meta = written.metadata
    labels.named(meta.name or "", meta.namespace or DEFAULT)
    if meta.name == "default":
        raise InputError("a UserDefinedNetwork may not be called default")
    return (PrimaryNetwork(meta.name or "", meta.namespace or DEFAULT),) if _is_primary(written.spec, notes) else ()


def cluster_wide(kind: str, written: shapes.ClusterUserDefinedNetwork, notes: list[str]) -> tuple[PrimaryNetwork, ...]:
    """A ClusterUserDefinedNetwork of the role Primary; others are left out with a note."""
    del kind
    labels.named(written.metadata.name or "")
    selected = labels.selector(written.spec.namespace_selector)
    primary = _is_primary(written.spec.network, notes)
    return (PrimaryNetwork(written.metadata.name or "", namespaces=selected),) if primary else ()


def _is_primary(spec: shapes.NetworkSpec, notes: list[str]) -> bool:
    layers = {"Layer2": spec.layer2, "Layer3": spec.layer3}
    if spec.topology == "Localnet":
        notes.append("a Localnet is no primary network and is not analysed")
        return False
    if spec.topology not in layers:
        raise InputError(f"{spec.topology!r} is not a topology", remedy="Layer2, Layer3")
    if any(layer is not None for name, layer in layers.items() if name != spec.topology):
        raise InputError(f"its topology is {spec.topology}, and the other layer is configured")
    layer = layers[spec.topology] or shapes.Layer()
    if layer.role not in _ROLES:
        raise InputError(f"{layer.role!r} is not a role of a network", remedy="Primary, Secondary")
    if layer.role == "Secondary":
        notes.append("secondary user-defined networks are not analysed")
    return layer.role == "Primary"


def definition(kind: str, written: shapes.Object, notes: list[str]) -> tuple[Definition, ...]:
    """A NetworkAttachmentDefinition. Those of one name in several namespaces are one network."""
    del kind, notes
    labels.named(written.metadata.name or "")
    return (Definition(written.metadata.namespace or DEFAULT, written.metadata.name or ""),)
