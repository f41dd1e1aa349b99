"""Kubernetes objects out of YAML, JSON and lists; what is damaged is refused by name."""

import contextlib
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.kubernetes.objects import MOST_CONTAINERS, read

TEAM = (Path(__file__).parents[1] / "fixtures" / "kubernetes" / "team.yaml").read_bytes()
DOCUMENTS = list(yaml.safe_load_all(TEAM))
AS_LIST = json.dumps({"apiVersion": "v1", "kind": "List", "items": DOCUMENTS}).encode()


def kinds(data):
    return [one.kind for one in read(data).objects]


def test_every_way_to_write_them_gives_the_same_objects():
    """A YAML stream, a YAML list, a JSON list, a JSON array, one JSON object a line."""
    stream = read(TEAM)
    assert stream.left == {"ConfigMap": 1}
    ways = (
        AS_LIST,
        yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": DOCUMENTS}).encode(),
        json.dumps(DOCUMENTS).encode(),
        b"\n".join(json.dumps(one).encode() for one in DOCUMENTS),
    )
    for way in ways:
        assert read(way) == stream


def test_json_documents_between_yaml_separators_are_read():
    """As some pipelines join them."""
    assert kinds(AS_LIST + b"\n---\n" + AS_LIST) == kinds(AS_LIST) * 2


def test_a_typed_list_lends_its_kind_to_its_items():
    """The API answers a PodList whose items name no kind."""
    pod = {"metadata": {"name": "p"}, "spec": {"containers": []}}
    assert kinds(json.dumps({"kind": "PodList", "apiVersion": "v1", "items": [pod]}).encode()) == ["Pod"]


def test_null_means_absent():
    """Hand-written manifests leave keys without a value."""
    assert kinds(b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels:\nspec:\n  containers:\n  volumes:\n") == [
        "Pod"
    ]


def test_pod_templates_are_found_however_deep_they_lie():
    """CronJob, Kubeflow, Ray, Volcano and JobSet each nest them elsewhere."""
    template = {"spec": {"containers": [{"name": "main"}]}}
    specs = {
        "CronJob": {"jobTemplate": {"spec": {"template": template}}},
        "MPIJob": {"mpiReplicaSpecs": {"Launcher": {"template": template}, "Worker": {"template": template}}},
        "RayCluster": {
            "headGroupSpec": {"template": template},
            "workerGroupSpecs": [{"groupName": "g", "template": template}],
        },
        "Job": {"tasks": [{"name": "a", "template": template}, {"name": "b", "template": template}]},
        "JobSet": {"replicatedJobs": [{"name": "w", "template": {"spec": {"template": template}}}]},
    }
    found = {}
    for kind, spec in specs.items():
        (one,) = read(
            json.dumps({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "n"}, "spec": spec}).encode()
        ).objects
        found[kind] = sorted(template.where for template in one.value.templates)
    assert found == {
        "CronJob": [""],
        "MPIJob": ["Launcher", "Worker"],
        "RayCluster": ["g", "headGroupSpec"],
        "Job": ["a", "b"],
        "JobSet": ["w"],
    }


def test_a_secrets_data_is_never_decoded():
    """No struct has a place for it."""
    assert "hunter2" not in repr(read(AS_LIST))
    assert "aHVudGVyMg" not in repr(read(AS_LIST))


def test_one_object_out_of_shape_is_refused_by_name_and_the_rest_stand():
    """hostPID is a truth value, not a word."""
    data = TEAM + b"\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: odd}\nspec: {hostPID: 'yes', containers: []}\n"
    answer = read(data)
    assert len(answer.objects) == len(read(TEAM).objects)
    assert [("odd" in one.what, "hostPID" in one.what) for one in answer.refused] == [(True, True)]


def test_what_stands_before_damage_is_kept_and_the_line_is_told():
    """A stream that breaks off in the third document."""
    answer = read(TEAM + b"\n---\nkind: [unclosed\n")
    assert len(answer.objects) == len(read(TEAM).objects)
    assert answer.refused[0].line > 100


@pytest.mark.parametrize("data", [b"", b"---\n", b"{", b"[", AS_LIST[:-40], b"\xff\xfe", b"kind: &a [*a]"])
def test_nothing_readable_is_an_error(data):
    """Empty, cut short, not text, looping."""
    with pytest.raises(InputError):
        read(data)


def test_a_pod_of_thousands_of_containers_is_refused():
    """Its pairs would cost their square."""
    many = [{"name": f"c{number}"} for number in range(MOST_CONTAINERS + 1)]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": many}}
    answer = read(json.dumps(pod).encode())
    assert not answer.objects
    assert "containers" in answer.refused[0].what


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_files_give_an_answer_or_an_input_error(data):
    """Bytes changed, cut out or doubled anywhere, in both formats."""
    seed = data.draw(st.sampled_from([TEAM, AS_LIST]))
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, min(len(seed), start + 60)))
    middle = data.draw(st.one_of(st.binary(max_size=12), st.just(seed[start:end] * 2)))
    _survives(seed[:start] + middle + seed[end:])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_give_an_answer_or_an_input_error(data):
    """Whatever it is, nothing else escapes."""
    _survives(data)


def _survives(data):
    with contextlib.suppress(InputError):
        read(data)
