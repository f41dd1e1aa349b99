"""A cloud account in neutral values, whichever tool described it. Ids are the provider's own."""

import msgspec

from ringfence.wire.storage.bucket import Access


class Rule(msgspec.Struct, frozen=True):
    """Traffic let in. `source` is a CIDR or the id of a group; ports -1 to -1 mean all of them."""

    source: str
    protocol: str
    low: int
    high: int

    @property
    def everything(self) -> bool:
        return self.protocol in ("-1", "all")


class Group(msgspec.Struct, frozen=True):
    """A security group with what it lets in."""

    id: str
    vpc: str
    name: str
    rules: tuple[Rule, ...] = ()


class Subnet(msgspec.Struct, frozen=True):
    id: str
    vpc: str
    cidr: str


class Machine(msgspec.Struct, frozen=True):
    """An instance. `profile` names or is the ARN of its instance profile; `hops` is the metadata hop limit."""

    id: str
    name: str
    subnet: str
    groups: tuple[str, ...]
    profile: str = ""
    address: str = ""
    public: bool = False
    metadata: bool = True
    tokens_required: bool = False
    hops: int = 1
    efa: bool = False
    placement: str = ""


class Statement(msgspec.Struct, frozen=True):
    """One allowed combination; deny statements and conditions only narrow, and are told by `conditional`."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditional: bool = False


class Role(msgspec.Struct, frozen=True):
    """A role: who may assume it (ARNs, services or `*`), and what it allows."""

    arn: str
    trusted: tuple[str, ...]
    statements: tuple[Statement, ...]


class Bucket(msgspec.Struct, frozen=True):
    name: str
    access: Access
    blocked: bool = False


class Secret(msgspec.Struct, frozen=True):
    """A secret that a state file keeps in the clear. The collector hashes `value` at once and keeps no copy.

    `account` names whom an access key belongs to, where it is one.
    """

    where: str
    value: bytes
    account: str = ""


class Cloud(msgspec.Struct, frozen=True):
    """What one file describes. `profiles` maps instance profiles to role names; `open` are subnets with a
    way to the internet; `peered` are pairs of VPCs.
    """

    account: str = ""
    subnets: tuple[Subnet, ...] = ()
    groups: tuple[Group, ...] = ()
    machines: tuple[Machine, ...] = ()
    roles: tuple[Role, ...] = ()
    profiles: tuple[tuple[str, str], ...] = ()
    buckets: tuple[Bucket, ...] = ()
    secrets: tuple[Secret, ...] = ()
    outward: tuple[str, ...] = ()
    peered: tuple[tuple[str, str], ...] = ()
