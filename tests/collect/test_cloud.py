"""Cloud accounts as facts: what the VPC does not stop."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.collect import cloud
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.storage_after import after
from ringfence.errors import InputError, Problem
from ringfence.estate.facts import Fact
from ringfence.wire.cloud import describe, policy, terraform

HERE = Path(__file__).parents[1] / "fixtures" / "cloud"
SECRETS = Path(__file__).parents[1] / "moves" / "state_file_secrets" / "fires" / "cloud" / "terraform.tfstate"


def collected(*paths: Path) -> list[Fact | Problem]:
    files = [CapturedFile(f"cloud/{path.name}", path.read_bytes()) for path in paths]
    assert all(cloud.recognise(file.path, file.head) for file in files)
    return list(cloud.collect(cloud.FORM, files, Scope(salt=b"salt")))


def said(found: list[Fact | Problem], *predicates: str) -> set[tuple[str, str, str]]:
    assert not [each for each in found if isinstance(each, Problem)]
    return {
        (each.subject, each.predicate, each.object)
        for each in found
        if isinstance(each, Fact) and each.predicate in predicates
    }


ANSWERS = [HERE / f"{name}.json" for name in ("instances", "groups", "subnets", "roles")]


def test_instances_with_one_name_for_many_keep_their_own():
    """Two called `gpu` are told apart by what their systems call themselves."""
    hosts = {subject for subject, _, _ in said(collected(*ANSWERS), "in_cluster")}
    assert hosts == {"host:ip-10-20-1-11", "host:ip-10-20-1-12"}


def test_a_group_is_no_path_between_its_members_unless_it_says_so():
    """Members send from the group; only rules lead to where members listen; EFA's rule is told apart."""
    facts = collected(*ANSWERS)
    assert ("network:aws/sg-0e", "setting", "self=all") in said(facts, "setting")
    assert ("network:aws/sg-0e/all", "part_of", "network:aws/sg-0e") in said(facts, "part_of")
    ways = said(facts, "routes_to")
    assert ("network:10.20.1.0/24", "routes_to", "network:aws/sg-0e/tcp-22-22") in ways
    assert not [way for way in ways if way[0] == "network:aws/sg-0e"]


def test_the_internet_reaches_only_instances_with_a_public_address():
    """Though the rule of both says 0.0.0.0/0."""
    ways = said(collected(*ANSWERS), "routes_to", "listens_on")
    assert ("network:internet", "routes_to", "network:aws/sg-0e/public-tcp-22-22") in ways
    listening = {subject for subject, _, network in ways if network == "network:aws/sg-0e/public-tcp-22-22"}
    assert listening == {"network:internet", "service:ip-10-20-1-11/ssh:22"}


def test_the_metadata_service_answers_containers_by_version_and_hops():
    """Version 1 always, version 2 where the hop limit leaves room."""
    settings_ = said(collected(*ANSWERS), "setting")
    assert ("host:ip-10-20-1-11", "setting", "imds=containers") in settings_
    assert ("host:ip-10-20-1-12", "setting", "imds=containers") in settings_
    assert ("host:ip-10-20-1-11", "setting", "efa=on") in settings_


def test_roles_hold_what_their_policies_say_in_force():
    """The default version counts, not an older one that allowed everything."""
    facts = said(collected(*ANSWERS), "holds_role", "permits", "readable_by", "writable_by")
    role = "role:aws/111122223333/node"
    assert ("host:ip-10-20-1-11", "holds_role", role) in facts
    assert (role, "permits", "ssm:SendCommand *") in facts
    assert (role, "permits", "* *") not in facts
    assert ("storage:s3:llm-weights", "readable_by", role) in facts
    assert ("storage:aws:111122223333/s3", "writable_by", role) in facts


def test_a_service_is_reached_through_the_groups_of_its_host():
    """Ray on 8265: EFA's rule lets members in, the rule for SSH does not."""
    facts = [each for each in collected(*ANSWERS) if isinstance(each, Fact)]
    ray = "service:ip-10-20-1-11/ray:8265"
    facts += [
        Fact(ray, "runs_on", "host:ip-10-20-1-11"),
        Fact(ray, "listens_on", "network:10.20.1.0/24", {"port": 8265}),
    ]
    added = {fact.object for fact in after(facts, Scope()) if fact.subject == ray}
    assert added == {"network:aws/sg-0e/all"}


def test_state_and_answers_of_one_account_are_one():
    """Terraform and the command line name the same groups and subnets."""
    from_state = said(collected(HERE / "efa.tfstate"), "part_of", "routes_to")
    from_answers = said(collected(*ANSWERS), "part_of", "routes_to")
    assert ("network:aws/sg-0e/all", "part_of", "network:aws/sg-0e") in from_state & from_answers


def test_secrets_of_a_state_are_hashed_and_gone():
    """Neither an id nor an attribute holds them; the same secret gets the same id."""
    found = collected(SECRETS)
    ((keeper, _, credential),) = said(found, "stores_credential")
    assert keeper.startswith("storage:terraform:")
    assert credential.startswith("credential:terraform/")
    text = json.dumps([each.as_json() for each in found if isinstance(each, Fact)])
    assert "example-only" not in text


@pytest.mark.parametrize(
    ("pattern", "action", "covered"),
    [
        ("*", "s3:GetObject", True),
        ("s3:*", "s3:GetObject", True),
        ("S3:get*", "s3:GetObject", True),
        ("s3:*Object", "s3:GetObject", True),
        ("s3:*Put*t", "s3:GetObject", False),
        ("s3:GetObject", "s3:GetObjectAcl", False),
    ],
)
def test_action_patterns_cover_as_the_provider_reads_them(pattern, action, covered):
    """Case does not matter, stars stand for anything."""
    assert policy.grants((pattern,), action) is covered


def test_a_state_of_another_version_is_refused():
    """Version 3 had another shape: better a hole than a guess."""
    file = CapturedFile("old.tfstate", b'{"version": 3, "terraform_version": "0.11.0", "modules": []}')
    (problem,) = cloud.collect(cloud.FORM, [file], Scope())
    assert isinstance(problem, Problem)
    assert "version 4" in problem.what


SAMPLES = [
    *((describe.parse, path.read_bytes()) for path in ANSWERS),
    (terraform.parse, (HERE / "efa.tfstate").read_bytes()),
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_answers_raise_only_input_errors(sample, data):
    """Cut bytes, and every value replaced by one of another type."""
    parse, good = sample
    at = data.draw(st.integers(0, len(good)))
    with contextlib.suppress(InputError):
        parse(good[:at])
    other = data.draw(st.sampled_from([None, 7, "x", [], [None], {}, True, ["x", {}]]))
    document = json.loads(good)
    holder, key = data.draw(st.sampled_from(list(places(document))))
    holder[key] = other
    changed = json.dumps(document).encode()
    with contextlib.suppress(InputError):
        parse(changed)
    file = CapturedFile("cloud/x.json", changed)
    if cloud.recognise(file.path, file.head):
        list(cloud.collect(cloud.FORM, [file], Scope()))


def places(value):
    """Every (container, key) of a document."""
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in rows:
        yield value, key
        yield from places(inner)
