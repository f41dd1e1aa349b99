"""OpenLineage, MLflow and observed opens in one shape."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.lineage import runs
from tests.shared_data import shared

HERE = Path(__file__).parents[1] / "fixtures" / "lineage"


def test_a_run_names_its_batch_job_by_its_environment():
    """The environment facet holds what Slurm set; dataset events give no run."""
    (run,) = runs.parse("openlineage", (HERE / "events.ndjson").read_bytes())
    assert (run.slurm, run.cluster, run.account) == ("4711", "c1", "alice")
    assert [runs.located(each) for each in run.reads] == [
        runs.Location("nfs1", "/export/weights/web"),
        runs.Location("s3", "corpus/feedback/2025"),
    ]
    assert run.writes[0].kind == "model"


def test_the_facets_read_are_those_of_the_published_schema():
    """`environmentVariables` and `datasetType` are where the schema puts them."""
    folder = shared("openlineage/facets")
    variables = json.loads((folder / "EnvironmentVariablesRunFacet.json").read_text())
    kinds = json.loads((folder / "DatasetTypeDatasetFacet.json").read_text())
    assert "environmentVariables" in variables["properties"]
    assert "datasetType" in kinds["properties"]


def test_events_come_as_lines_as_a_list_or_alone():
    """All three are one run."""
    first = (HERE / "events.ndjson").read_bytes().splitlines()[0]
    pretty = json.dumps(json.loads(first), indent=2).encode()
    for data in (first, b"[" + first + b"]", pretty, first + b"\n"):
        assert runs.looks_like(data) == "openlineage"
        assert len(runs.parse("openlineage", data)) == 1


def test_mlflow_runs_read_their_inputs_and_write_their_artefacts():
    """From the answer of runs/search and from the file store."""
    (run,) = runs.parse("mlflow-json", (HERE / "mlflow.json").read_bytes())
    assert runs.located(run.reads[0]) == runs.Location("s3", "corpus/web")
    assert (run.slurm, run.account) == ("77", "bob")
    data = (HERE / "meta.yaml").read_bytes()
    (stored,) = runs.parse(runs.looks_like(data), data)
    assert runs.located(stored.writes[0]) == runs.Location("", "/mnt/weights/llama")


def test_opens_are_gathered_by_job_and_host():
    """Ten thousand opens of one job are one run."""
    line = b'{"job": "7", "host": "gpu1", "path": "/d/%d.parquet", "mode": "%s"}\n'
    data = b"".join(line % (at, b"r" if at % 2 else b"w") for at in range(100))
    (run,) = runs.parse("opens", data)
    assert (len(run.reads), len(run.writes), run.host) == (50, 50, "gpu1")


@pytest.mark.parametrize("data", [b'{"job": "7", "path": "x", "mode": "r"}', b'{"job": "7"', b"[]", b"7"])
def test_a_bad_open_is_named_by_its_line(data):
    """The line before was fine, so it is line 2."""
    good = b'{"job": "7", "path": "/x", "mode": "r"}\n'
    with pytest.raises(InputError) as error:
        runs.parse("opens", good + data)
    assert error.value.line == 2


FORMS = [
    ("openlineage", (HERE / "events.ndjson").read_bytes()),
    ("mlflow-json", (HERE / "mlflow.json").read_bytes()),
    ("mlflow-yaml", (HERE / "meta.yaml").read_bytes()),
    ("opens", b'{"job": "7", "host": "a", "path": "/d/x", "mode": "r"}\n'),
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FORMS), st.integers(0, 600), st.binary(max_size=24))
def test_damaged_lineage_raises_only_input_errors(sample, at, junk):
    """Cut, overwritten and made-up bytes, down to where each name leads."""
    form, good = sample
    for data in (good[:at], good[:at] + junk + good[at + len(junk) :], junk):
        with contextlib.suppress(InputError):
            for run in runs.parse(form, data):
                for each in (*run.reads, *run.writes):
                    runs.located(each)
