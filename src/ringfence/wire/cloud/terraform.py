"""Terraform state, version 4: AWS networks, machines, roles and buckets, and the secrets it keeps.

A state holds every attribute of every resource, passwords and private keys included. Attributes
that are secrets by name or that the state itself marks sensitive come out as `Secret`.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.cloud import policy
from ringfence.wire.cloud.model import Bucket, Cloud, Group, Machine, Role, Rule, Secret, Statement, Subnet
from ringfence.wire.storage.bucket import Access
from ringfence.wire.storage.bucket import policy as bucket_policy

_REMEDY = "capture it with `terraform state pull`"
_SECRET_NAMES = frozenset(
    {
        *("password", "secret", "private_key", "private_key_pem", "private_key_openssh", "token", "master_password"),
        *("auth_token", "client_secret", "secret_string", "connection_string", "primary_access_key"),
    }
)


def looks_like(head: bytes) -> bool:
    return head.lstrip()[:1] == b"{" and b'"terraform_version"' in head and b'"version"' in head


class _Rows:
    """The instances of all resources, by type: (address, attributes, sensitive paths)."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.all: list[tuple[str, str, dict[str, Any], Any]] = []
        for resource in _dicts(document.get("resources")):
            kind, name = str(resource.get("type", "")), str(resource.get("name", ""))
            for at, each in enumerate(_dicts(resource.get("instances"))):
                attributes = each.get("attributes")
                if isinstance(attributes, dict):
                    address = f"{kind}.{name}[{each.get('index_key', at)}]"
                    self.all.append((kind, address, attributes, each.get("sensitive_attributes")))

    def of(self, *kinds: str) -> Iterator[dict[str, Any]]:
        return (attributes for kind, _, attributes, _ in self.all if kind in kinds)


def parse(data: bytes) -> Cloud:
    """Read a state. Raises `InputError`; resources of other providers are passed over."""
    document = safe.json(data)
    if not isinstance(document, dict) or document.get("version") != 4:
        raise InputError("not a Terraform state of version 4", remedy=_REMEDY)
    rows = _Rows(document)
    arns = [text for _, _, attributes, _ in rows.all if (text := _text(attributes, "arn")).startswith("arn:")]
    account = next((arn.split(":")[4] for arn in arns if arn.count(":") >= 5 and arn.split(":")[4]), "")
    interfaces = [each for each in rows.of("aws_network_interface") if _text(each, "interface_type").startswith("efa")]
    efa = {_text(each, "id") for each in interfaces}
    return Cloud(
        account,
        tuple(
            Subnet(_text(each, "id"), _text(each, "vpc_id"), _text(each, "cidr_block"))
            for each in rows.of("aws_subnet")
        ),
        tuple(_groups(rows)),
        tuple(_machine(each, efa) for each in rows.of("aws_instance")),
        tuple(_roles(rows)),
        tuple((_text(each, "name"), _text(each, "role")) for each in rows.of("aws_iam_instance_profile")),
        tuple(_buckets(rows)),
        tuple(_secrets(rows)),
        tuple(_outward(rows)),
        tuple((_text(each, "vpc_id"), _text(each, "peer_vpc_id")) for each in rows.of("aws_vpc_peering_connection")),
    )


def _groups(rows: _Rows) -> Iterator[Group]:
    extra: dict[str, list[Rule]] = {}
    for each in rows.of("aws_security_group_rule"):
        if each.get("type") == "ingress":
            extra.setdefault(_text(each, "security_group_id"), []).extend(
                _rules(each, _text(each, "security_group_id"))
            )
    for each in rows.of("aws_vpc_security_group_ingress_rule"):
        group = _text(each, "security_group_id")
        source = _text(each, "cidr_ipv4") or _text(each, "cidr_ipv6") or _text(each, "referenced_security_group_id")
        rule = Rule(source, _text(each, "ip_protocol"), _number(each, "from_port", -1), _number(each, "to_port", -1))
        extra.setdefault(group, []).append(rule)
    for each in rows.of("aws_security_group", "aws_default_security_group"):
        name = _text(each, "id")
        inline = [rule for row in _dicts(each.get("ingress")) for rule in _rules(row, name)]
        yield Group(name, _text(each, "vpc_id"), _text(each, "name"), (*inline, *extra.pop(name, [])))
    for name, found in extra.items():  # groups made elsewhere, of which this state adds rules only
        yield Group(name, "", name, tuple(found))


def _rules(row: dict[str, Any], group: str) -> Iterator[Rule]:
    """An ingress block: one rule per source."""
    sources = [*policy.texts(row.get("cidr_blocks")), *policy.texts(row.get("ipv6_cidr_blocks"))]
    sources += [*policy.texts(row.get("security_groups")), *policy.texts(row.get("source_security_group_id") or None)]
    if row.get("self") is True:
        sources.append(group)
    for source in sources:
        yield Rule(source, str(row.get("protocol", "")), _number(row, "from_port", -1), _number(row, "to_port", -1))


def _machine(row: dict[str, Any], efa: set[str]) -> Machine:
    options = next(iter(_dicts(row.get("metadata_options"))), {})
    tags = row.get("tags") if isinstance(row.get("tags"), dict) else {}
    attached = {_text(each, "network_interface_id") for each in _dicts(row.get("network_interface"))}
    name = tags.get("Name") if isinstance(tags, dict) else ""
    return Machine(
        _text(row, "id"),
        name if isinstance(name, str) else "",
        _text(row, "subnet_id"),
        policy.texts(row.get("vpc_security_group_ids")),
        _text(row, "iam_instance_profile"),
        _text(row, "private_ip"),
        bool(_text(row, "public_ip")),
        _text(options, "http_endpoint") != "disabled",
        _text(options, "http_tokens") == "required",
        _number(options, "http_put_response_hop_limit", 1),
        bool(attached & efa),
        _text(row, "placement_group"),
    )


def _roles(rows: _Rows) -> Iterator[Role]:
    policies = {_text(each, "arn"): policy.allowed(each.get("policy")) for each in rows.of("aws_iam_policy")}
    held: dict[str, list[Statement]] = {}
    for each in rows.of("aws_iam_role_policy"):
        held.setdefault(_text(each, "role"), []).extend(policy.allowed(each.get("policy")))
    for each in rows.of("aws_iam_role_policy_attachment"):
        held.setdefault(_text(each, "role"), []).extend(_managed(_text(each, "policy_arn"), policies))
    for each in rows.of("aws_iam_role"):
        statements = list(held.get(_text(each, "name"), []))
        for row in _dicts(each.get("inline_policy")):
            if row.get("policy"):
                statements.extend(policy.allowed(row["policy"]))
        for arn in policy.texts(each.get("managed_policy_arns")):
            statements.extend(_managed(arn, policies))
        yield Role(_text(each, "arn"), policy.trusted(each.get("assume_role_policy")), tuple(dict.fromkeys(statements)))


_KNOWN = {
    "AdministratorAccess": ("*",),
    "PowerUserAccess": ("*",),
    "AmazonS3FullAccess": ("s3:*",),
    "AmazonS3ReadOnlyAccess": ("s3:Get*", "s3:List*"),
    "AmazonSSMFullAccess": ("ssm:*",),
    "AmazonEC2FullAccess": ("ec2:*",),
    "IAMFullAccess": ("iam:*",),
}


def _managed(arn: str, policies: dict[str, tuple[Statement, ...]]) -> tuple[Statement, ...]:
    """A policy of this state, or one of the provider's own that everybody uses."""
    if arn in policies:
        return policies[arn]
    actions = _KNOWN.get(arn.rpartition("/")[2]) if ":aws:policy/" in arn else None
    return (Statement(actions, ("*",)),) if actions else ()


def _buckets(rows: _Rows) -> Iterator[Bucket]:
    policies = {_text(each, "bucket"): each.get("policy") for each in rows.of("aws_s3_bucket_policy")}
    names = ("ignore_public_acls", "restrict_public_buckets")
    blocked = {
        _text(each, "bucket")
        for each in rows.of("aws_s3_bucket_public_access_block")
        if all(each.get(name) is True for name in names)
    }
    for each in rows.of("aws_s3_bucket"):
        name = _text(each, "bucket") or _text(each, "id")
        text = policies.pop(name, None) or each.get("policy")
        yield Bucket(name, bucket_policy(policy.document(text)) if text else Access(()), name in blocked)
    for name, text in policies.items():
        if text:
            yield Bucket(name, bucket_policy(policy.document(text)), name in blocked)


def _outward(rows: _Rows) -> Iterator[str]:
    """Subnets whose route table has a default route to the internet, through a gateway or a NAT."""
    ways = ("gateway_id", "nat_gateway_id", "egress_only_gateway_id", "network_interface_id", "instance_id")
    open_tables = set()
    for each in rows.of("aws_route_table"):
        for route in _dicts(each.get("route")):
            if route.get("cidr_block") == "0.0.0.0/0" and any(_text(route, way) for way in ways):
                open_tables.add(_text(each, "id"))
    for each in rows.of("aws_route"):
        if each.get("destination_cidr_block") == "0.0.0.0/0" and any(_text(each, way) for way in ways):
            open_tables.add(_text(each, "route_table_id"))
    for each in rows.of("aws_route_table_association"):
        if _text(each, "route_table_id") in open_tables and _text(each, "subnet_id"):
            yield _text(each, "subnet_id")


def _secrets(rows: _Rows) -> Iterator[Secret]:
    for kind, address, attributes, sensitive in rows.all:
        marked = {
            str(path[0].get("value"))
            for path in policy.listed(sensitive)
            if isinstance(path, list) and path and isinstance(path[0], dict)
        }
        account = _text(attributes, "user") if kind == "aws_iam_access_key" else ""
        for name, value in attributes.items():
            if (name in _SECRET_NAMES or name in marked) and value and not isinstance(value, bool):
                text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                yield Secret(f"{address}.{name}", text.encode(), account)


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _number(row: dict[str, Any], name: str, missing: int) -> int:
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else missing


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
