"""What the AWS command line answers: describe-subnets, -security-groups, -instances, -route-tables,
-vpc-peering-connections, and iam get-account-authorization-details. Any of them alone.
"""

from collections.abc import Iterator
from typing import Any

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.cloud import policy
from ringfence.wire.cloud.model import Cloud, Group, Machine, Role, Rule, Statement, Subnet

_TOPS = (
    b'"Vpcs"',
    b'"Subnets"',
    b'"SecurityGroups"',
    b'"Reservations"',
    b'"RouteTables"',
    b'"VpcPeeringConnections"',
    b'"RoleDetailList"',
    b'"PlacementGroups"',
    b'"UserDetailList"',
)


def looks_like(head: bytes) -> bool:
    """Whether the object begins with one of the lists."""
    return head.lstrip()[:1] == b"{" and any(top in head[:200] for top in _TOPS)


def parse(data: bytes) -> Cloud:
    """Read an answer. Raises `InputError`."""
    top = safe.json(data)
    if not isinstance(top, dict):
        raise InputError("an answer is an object", remedy="capture it with `aws … --output json`")
    policies = {_text(each, "Arn"): _default_version(each) for each in _dicts(top.get("Policies"))}
    machines = [each for group in _dicts(top.get("Reservations")) for each in _dicts(group.get("Instances"))]
    owners = [
        _text(each, "OwnerId")
        for name in ("Subnets", "SecurityGroups", "Reservations")
        for each in _dicts(top.get(name))
    ]
    arns = [_text(each, "Arn") for each in _dicts(top.get("RoleDetailList"))]
    owners += [arn.split(":")[4] for arn in arns if arn.count(":") >= 5]
    return Cloud(
        next((owner for owner in owners if owner), ""),
        tuple(
            Subnet(_text(s, "SubnetId"), _text(s, "VpcId"), _text(s, "CidrBlock")) for s in _dicts(top.get("Subnets"))
        ),
        tuple(_group(each) for each in _dicts(top.get("SecurityGroups"))),
        tuple(_machine(each) for each in machines if _text(_dict(each.get("State")), "Name") != "terminated"),
        tuple(_role(each, policies) for each in _dicts(top.get("RoleDetailList"))),
        tuple(_profiles(top)),
        outward=tuple(_outward(top)),
        peered=tuple(_peered(top)),
    )


def _group(row: dict[str, Any]) -> Group:
    rules = [rule for each in _dicts(row.get("IpPermissions")) for rule in _rules(each)]
    return Group(_text(row, "GroupId"), _text(row, "VpcId"), _text(row, "GroupName"), tuple(rules))


def _rules(row: dict[str, Any]) -> Iterator[Rule]:
    sources = [_text(each, "CidrIp") for each in _dicts(row.get("IpRanges"))]
    sources += [_text(each, "CidrIpv6") for each in _dicts(row.get("Ipv6Ranges"))]
    sources += [_text(each, "GroupId") for each in _dicts(row.get("UserIdGroupPairs"))]
    low, high = row.get("FromPort"), row.get("ToPort")
    for source in sources:
        if source:
            yield Rule(
                source,
                _text(row, "IpProtocol"),
                low if isinstance(low, int) else -1,
                high if isinstance(high, int) else -1,
            )


def _machine(row: dict[str, Any]) -> Machine:
    options = _dict(row.get("MetadataOptions"))
    hops = options.get("HttpPutResponseHopLimit")
    interfaces = _dicts(row.get("NetworkInterfaces"))
    return Machine(
        _text(row, "InstanceId"),
        next((_text(tag, "Value") for tag in _dicts(row.get("Tags")) if tag.get("Key") == "Name"), ""),
        _text(row, "SubnetId"),
        tuple(_text(each, "GroupId") for each in _dicts(row.get("SecurityGroups"))),
        _text(_dict(row.get("IamInstanceProfile")), "Arn"),
        _text(row, "PrivateIpAddress"),
        bool(_text(row, "PublicIpAddress")),
        _text(options, "HttpEndpoint") != "disabled",
        _text(options, "HttpTokens") == "required",
        hops if isinstance(hops, int) else 1,
        any(_text(each, "InterfaceType").startswith("efa") for each in interfaces),
        _text(_dict(row.get("Placement")), "GroupName"),
    )


def _default_version(row: dict[str, Any]) -> tuple[Statement, ...]:
    for each in _dicts(row.get("PolicyVersionList")):
        if each.get("IsDefaultVersion") is True:
            return policy.allowed(each.get("Document"))
    return ()


def _role(row: dict[str, Any], policies: dict[str, tuple[Statement, ...]]) -> Role:
    statements = [s for each in _dicts(row.get("RolePolicyList")) for s in policy.allowed(each.get("PolicyDocument"))]
    for each in _dicts(row.get("AttachedManagedPolicies")):
        statements.extend(policies.get(_text(each, "PolicyArn"), ()))
    trusted = policy.trusted(row["AssumeRolePolicyDocument"]) if "AssumeRolePolicyDocument" in row else ()
    return Role(_text(row, "Arn"), trusted, tuple(dict.fromkeys(statements)))


def _profiles(top: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for role in _dicts(top.get("RoleDetailList")):
        for each in _dicts(role.get("InstanceProfileList")):
            yield _text(each, "InstanceProfileName"), _text(role, "RoleName")


def _outward(top: dict[str, Any]) -> Iterator[str]:
    for table in _dicts(top.get("RouteTables")):
        routes = _dicts(table.get("Routes"))
        ways = ("GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId", "TransitGatewayId")
        default = [each for each in routes if each.get("DestinationCidrBlock") == "0.0.0.0/0"]
        if any(_text(each, way) not in ("", "local") for each in default for way in ways):
            yield from (
                _text(each, "SubnetId") for each in _dicts(table.get("Associations")) if _text(each, "SubnetId")
            )


def _peered(top: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for each in _dicts(top.get("VpcPeeringConnections")):
        if _text(_dict(each.get("Status")), "Code") == "active":
            one, other = _dict(each.get("RequesterVpcInfo")), _dict(each.get("AccepterVpcInfo"))
            yield _text(one, "VpcId"), _text(other, "VpcId")


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
