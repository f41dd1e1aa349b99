"""Gangs and pipelines are found from facts about jobs and data."""

import pytest

from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.scene import Scene
from ringfence.segment.seen import Seen
from ringfence.segment.workflow import Gang, leader
from ringfence.synth import data, draw, facts


def scene(*rows: tuple[str, str, str]) -> Scene:
    return Scene(Seen(estate_of(Fact(*row) for row in rows)))


def gang_of(found: Scene, name: str) -> Gang:
    return found.gangs[f"gang:slurm/c/{name}"]


def test_all_ranks_of_a_job_are_one_gang() -> None:
    found = scene(("job:slurm/c/1", "runs_on", "host:b"), ("job:slurm/c/1", "runs_on", "host:a"))
    assert gang_of(found, "1").hosts == ("host:a", "host:b")


@pytest.mark.parametrize("parts", [("7_1", "7_2"), ("7+0", "7+1"), ("7", "7_3"), ("7_1", "7_1.batch")])
def test_tasks_of_an_array_and_parts_of_a_heterogeneous_job_are_one_run(parts: tuple[str, str]) -> None:
    found = scene(*((f"job:slurm/c/{part}", "runs_on", f"host:{part}") for part in parts))
    assert list(found.gangs) == ["gang:slurm/c/7"]
    assert gang_of(found, "7").jobs == tuple(sorted(f"job:slurm/c/{part}" for part in parts))


def test_a_job_that_is_part_of_another_belongs_to_its_run_even_when_that_one_is_gone() -> None:
    found = scene(
        ("job:slurm/c/8", "runs_on", "host:a"),
        ("job:slurm/c/9", "runs_on", "host:b"),
        ("job:slurm/c/8", "part_of", "job:slurm/c/5"),
        ("job:slurm/c/9", "part_of", "job:slurm/c/8"),
    )
    assert list(found.gangs) == ["gang:slurm/c/5"]


def test_jobs_that_are_said_to_be_part_of_one_another_come_to_an_end() -> None:
    seen = scene(("job:slurm/c/1", "part_of", "job:slurm/c/2"), ("job:slurm/c/2", "part_of", "job:slurm/c/1")).seen
    assert leader(seen, "job:slurm/c/1") == leader(seen, "job:slurm/c/2") == "job:slurm/c/1"


def test_jobs_that_only_wait_for_one_another_stay_apart() -> None:
    found = scene(
        ("job:slurm/c/1", "runs_on", "host:a"),
        ("job:slurm/c/2", "runs_on", "host:b"),
        ("job:slurm/c/2", "depends_on", "job:slurm/c/1"),
    )
    assert len(found.gangs) == 2


def test_pods_of_one_namespace_that_read_the_same_model_serve_together() -> None:
    found = scene(
        *((f"pod:k/t/{name}", "in_namespace", "namespace:k/t") for name in "abc"),
        *((f"container:k/t/{name}/serve", "part_of", f"pod:k/t/{name}") for name in "abc"),
        *((f"container:k/t/{name}/serve", "reads", "model:m") for name in "ab"),
    )
    assert {name: gang.pods for name, gang in found.gangs.items()} == {
        "serve:k/t/m": ("pod:k/t/a", "pod:k/t/b"),
        "serve:k/t/other": ("pod:k/t/c",),
    }


def test_the_pipelines_of_a_generated_cluster_are_those_of_its_plan() -> None:
    plan = draw(400, 5)
    found = Scene(Seen(estate_of(facts(plan)))).pipelines
    assert {one.data for one in found} == {tuple(sorted(data.entities(line))) for line in plan.pipelines}
    assert {one.name for one in found} == {f"pipeline:{line.name}" for line in plan.pipelines}


def test_a_corpus_that_two_pipelines_only_read_does_not_join_them() -> None:
    found = scene(
        ("job:slurm/c/1", "runs_on", "host:a"),
        ("job:slurm/c/2", "runs_on", "host:b"),
        ("job:slurm/c/1", "reads", "dataset:corpus"),
        ("job:slurm/c/2", "reads", "dataset:corpus"),
        ("job:slurm/c/1", "writes", "model:one"),
        ("job:slurm/c/2", "writes", "model:two"),
    )
    assert [one.data for one in found.pipelines] == [("dataset:corpus",), ("model:one",), ("model:two",)]


def test_data_of_two_tenants_is_never_one_pipeline() -> None:
    found = scene(
        ("model:mine", "in_tenant", "tenant:a"),
        ("model:theirs", "in_tenant", "tenant:b"),
        ("model:mine", "trained_from", "model:theirs"),
    )
    assert [one.name for one in found.pipelines] == ["pipeline:mine", "pipeline:theirs"]


def test_no_two_pipelines_share_a_name_whatever_data_is_called() -> None:
    names = ("model:x", "dataset:x", "checkpoint:x", "model:x (dataset)", "dataset:x (dataset)", "model:x%20(dataset)")
    found = scene(*((name, "in_tenant", f"tenant:{at}") for at, name in enumerate(names)),
                  *(("job:slurm/c/1", "reads", name) for name in names),
                  ("job:slurm/c/1", "runs_on", "host:a"))  # fmt: skip
    assert len({one.name for one in found.pipelines}) == len(found.pipelines) == len(names)
