"""What a cluster's API serves: its discovery, and the custom kinds that were defined for it."""

import msgspec

from ringfence.wire.kubernetes.shapes import Meta


class ServedKind(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""


class Served(msgspec.Struct, frozen=True, rename="camel"):
    """What the API serves of one group and version (`kubectl get --raw /apis/GROUP/VERSION`)."""

    group_version: str
    resources: tuple[ServedKind, ...] | None = None
    metadata: Meta = Meta()


class DefinitionVersion(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    served: bool = False


class DefinitionNames(msgspec.Struct, frozen=True, rename="camel"):
    plural: str


class DefinitionSpec(msgspec.Struct, frozen=True, rename="camel"):
    group: str
    names: DefinitionNames
    versions: tuple[DefinitionVersion, ...] = ()


class Definition(msgspec.Struct, frozen=True, rename="camel"):
    """A CustomResourceDefinition, without its schemas."""

    metadata: Meta
    spec: DefinitionSpec
