"""Applying a fence: order, what fails, what is refused, and what each command answers. No root is needed here.

File servers are real files whose announcement is `true` or `false`; `Memory` is a fake enforcer, and only that.
"""

import gc
import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from ringfence.app.fence import run as running
from ringfence.app.fence.change import Applying
from ringfence.app.fence.design import Design
from ringfence.app.fence.ledger import Ledger
from ringfence.app.fence.standing import compiled_stages, prove_stages
from ringfence.app.fence.steps import steps_of
from ringfence.app.fence.undo import undo
from ringfence.cli import run
from ringfence.errors import EnforceError
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.churn import stages
from ringfence.segment.model import Artefact, Compiled
from ringfence.store.saved import save
from ringfence.store.state import receipts
from ringfence.synth import draw, facts

SERVERS = ("host:nfs1", "host:nfs2")


def servers() -> list[Fact]:
    """Two file servers that obey Ringfence, and export to everyone."""
    rows = []
    for at, host in enumerate(SERVERS, 1):
        name = host.partition(":")[2]
        storage = f"storage:{name}:/export/data"
        rows.append(Fact(host, "enforced_by", "service:nfs1/ringfence:8443"))
        rows.append(Fact(host, "attached_to", "network:10.0.0.0/24", {"address": f"10.0.0.{at}"}))
        rows.append(Fact(storage, "exported_by", host))
        rows.append(Fact(storage, "exported_to", "network:10.0.0.0/24", {"client": "10.0.0.0/24", "mode": "rw"}))
    return rows


class Lab:
    """A folder with an estate, a site file and the fence's state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        save(estate_of(servers()), folder / "cluster.estate")
        self.site()

    def site(self, announce: Mapping[str, str] | None = None, only: tuple[str, ...] = SERVERS) -> None:
        """One table for each server; `announce`: host → the command after a change."""
        said = announce or {}
        (self.folder / "fence.toml").write_text(
            "".join(
                f'[[enforcer]]\ntarget = "exports"\nwhere = "{host}"\nfile = "{self.file(host)}"\n'
                f'announce = ["{said.get(host, "true")}"]\n'
                for host in only
            )
        )

    def file(self, host: str) -> Path:
        return self.folder / f"{host.partition(':')[2]}.exports"

    def __call__(self, command: str, *more: str) -> int:
        files = {"--estate": "cluster.estate", "--site": "fence.toml", "--state": "state"}
        names = ("--state",) if command in ("status", "journal") else tuple(files)
        only = ("--target", "exports") if command == "apply" else ()
        given = [word for name in names for word in (name, str(self.folder / files[name]))]
        return run(["fence", command, *more, *given, *only])


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_place_that_fails_is_named_the_others_follow_and_the_apply_is_completed_later(
    lab: Lab, capsys: pytest.CaptureFixture
) -> None:
    lab.site({"host:nfs1": "false"})
    assert lab("apply", "--apply") == 1
    said = capsys.readouterr().err
    assert "left: exports on host:nfs1" in said
    assert "1 of 2 places did not follow" in said
    assert lab.file("host:nfs2").exists()
    assert not lab.file("host:nfs1").exists()
    assert lab("status", "--json") == 3
    (cut,) = json.loads(capsys.readouterr().out)["interrupted"]
    assert cut["places"] == {"exports host:nfs1": "changing", "exports host:nfs2": "changed"}
    lab.site()
    assert lab("apply", "--apply") == 0
    assert lab.file("host:nfs1").exists()
    assert lab("status") == 0


def test_what_was_begun_can_be_undone_as_well(lab: Lab) -> None:
    lab.site({"host:nfs1": "false"})
    assert lab("apply", "--apply") == 1
    assert lab("undo", "--apply") == 1
    assert lab("status") == 3
    lab.site()
    assert lab("apply", "--apply") == 2
    assert lab("undo", "--apply") == 0
    assert not any(lab.file(host).exists() for host in SERVERS)
    assert lab("status") == 0


def test_what_has_no_enforcer_is_told_and_makes_the_status_partial(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    lab.site(only=("host:nfs1",))
    assert lab("apply") == 3
    assert "not reached: exports on host:nfs2: no enforcer is named for it" in capsys.readouterr().out
    assert lab("apply", "--apply") == 3
    assert not lab.file("host:nfs2").exists()


def test_a_file_that_somebody_rewrote_is_drift(lab: Lab) -> None:
    assert lab("apply", "--apply") == 0
    lab.file("host:nfs2").write_text("/export/data *(rw)\n")
    assert lab("drift") == 1
    assert lab("drift", "--apply") == 0
    assert lab("drift") == 0


def test_a_place_that_nobody_reads_is_not_said_to_be_as_it_is_meant(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    lab.site(only=("host:nfs1",))
    assert lab("apply", "--apply") == 3
    capsys.readouterr()
    assert lab("drift") == 3
    said = capsys.readouterr().out
    assert "not read: exports on host:nfs2: no enforcer is named for it" in said
    assert "what was read is what is meant; nobody knows what is at the others (1)" in said
    assert lab("drift", "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert ([one["where"] for one in told["unread"]], told["drift"]) == (["host:nfs2"], [])


def test_targets_that_stand_are_not_left_behind_at_an_older_policy(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    assert lab("apply", "--apply") == 0
    capsys.readouterr()
    files = ["--estate", str(lab.folder / "cluster.estate"), "--site", str(lab.folder / "fence.toml")]
    assert run(["fence", "apply", *files, "--state", str(lab.folder / "state"), "--target", "nftables"]) == 2
    assert "exports is in force" in capsys.readouterr().err


def test_a_last_apply_is_undone_before_the_one_before_it(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    assert lab("apply", "--apply") == 0
    assert lab("apply", "--apply") == 0
    capsys.readouterr()
    assert lab("status", "--json") == 0
    first, last = (one["receipt"] for one in json.loads(capsys.readouterr().out)["receipts"])
    assert lab("undo", first, "--apply") == 2
    assert lab("undo", last, "--apply") == 0
    assert lab("undo", first, "--apply") == 0
    assert lab("undo", "--apply") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no enforcer"),
        ("[[enforcer]]\n", "target and where are missing"),
        ("enforcer = 3\n", "names no enforcer"),
        ("[[enforcer\n", "TOML"),
        ('[[enforcer]]\ntarget = "magic"\nwhere = "host:nfs1"\n', "no enforcer drives 'magic'"),
        ('[[enforcer]]\ntarget = "exports"\nwhere = "host:nfs1"\npassword = "x"\n', "password"),
        ('[[enforcer]]\ntarget = "exports"\nwhere = "host:nfs1"\n' * 2, "named twice"),
        ('[[enforcer]]\ntarget = "nftables"\nwhere = "*"\norders = 3\n', "Expected `str`"),
        ('[[enforcer]]\ntarget = "opensm"\nwhere = "network:ib/x"\nseat = []\n', "no fabric"),
        ('[[enforcer]]\ntarget = "nftables"\nwhere = "host:nfs1"\nnetns = 3\n', "netns: Expected `str`, got `int`"),
        ('[[enforcer]]\ntarget = "exports"\nwhere = "host:zzz"\n', "the estate does not know host:zzz"),
        ('[[enforcer]]\ntarget = "sshd"\nwhere = "host:nfs1"\n', "missing"),
    ],
)
def test_a_site_file_that_is_wrong_is_told_with_its_table(
    lab: Lab, capsys: pytest.CaptureFixture, text: str, said: str
) -> None:
    (lab.folder / "fence.toml").write_text(text)
    assert lab("apply", "--apply") == 1
    assert said in capsys.readouterr().err
    assert not (lab.folder / "state").exists()


def test_a_note_that_is_gone_is_told_and_one_that_contradicts_the_receipts_stops_everything(
    lab: Lab, capsys: pytest.CaptureFixture
) -> None:
    assert lab("apply", "--apply") == 0
    note = lab.folder / "state" / "in-force.json"
    first = note.read_bytes()
    note.unlink()
    capsys.readouterr()
    assert lab("status") == 3
    said = capsys.readouterr()
    assert "in force: policy" in said.out
    assert "in-force.json is gone" in said.err
    assert lab("apply", "--apply") == 0
    note.write_bytes(first)
    assert [lab("apply", "--apply"), lab("drift"), lab("status")] == [1, 1, 3]
    said = capsys.readouterr()
    assert "the receipts say" in said.err
    assert "in force: not known" in said.out
    note.unlink()
    assert [lab("apply", "--apply"), lab("status"), lab("drift")] == [0, 0, 0]


@pytest.mark.parametrize("lost", ["emptied", "removed"])
def test_a_state_that_is_lost_beside_policies_is_refused_and_nothing_is_changed(
    lab: Lab, capsys: pytest.CaptureFixture, lost: str
) -> None:
    assert lab("apply", "--apply") == 0
    gc.collect()  # the command ran in this process: its connection must not write the file back when it goes
    for file in (lab.folder / "state").glob("state.sqlite-*"):
        file.unlink()
    state = lab.folder / "state" / "state.sqlite"
    if lost == "emptied":
        state.write_bytes(b"")
    else:
        state.unlink()
    before = lab.file("host:nfs1").stat().st_mtime_ns
    assert [lab("apply", "--apply"), lab("apply"), lab("status"), lab("undo")] == [1, 1, 1, 1]
    assert capsys.readouterr().err.count("receipts are lost") == 4
    assert lab.file("host:nfs1").stat().st_mtime_ns == before


def test_a_change_that_is_lost_is_refused_by_apply_and_undo(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    assert lab("apply", "--apply") == 0
    (change,) = (lab.folder / "state" / "changes").iterdir()
    change.unlink()
    assert [lab("apply", "--apply"), lab("undo", "--apply"), lab("status")] == [1, 1, 3]
    assert f"{change.name} is gone" in capsys.readouterr().err.replace("\n", "")
    assert lab.file("host:nfs1").exists()


@pytest.mark.parametrize(
    ("file", "data", "said"),
    [("journal.key", b"short", "has 5 bytes"), ("journal/checkpoint", b"nobody signed it", "signed note")],
)
def test_a_journal_that_cannot_be_written_stops_an_apply_before_it_is_begun(
    lab: Lab, capsys: pytest.CaptureFixture, file: str, data: bytes, said: str
) -> None:
    assert lab("apply", "--apply") == 0
    (lab.folder / "state" / file).write_bytes(data)
    capsys.readouterr()
    assert [lab("apply", "--apply"), lab("undo", "--apply")] == [1, 1]
    err = capsys.readouterr().err
    assert said in err
    assert file in err.replace("\n", "")
    assert lab("status", "--json") == 0
    assert [one["status"] for one in json.loads(capsys.readouterr().out)["receipts"]] == ["applied"]


def test_the_journal_is_audited_and_its_last_lines_are_shown(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    assert lab("apply", "--apply") == 0
    assert lab("undo", "--apply") == 0
    assert lab("journal") == 0
    assert "4 lines; every byte is what was signed" in capsys.readouterr().out
    assert lab("journal", "--json", "--last", "1") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["lines"], told["problems"]) == (4, [])
    assert [(one["number"], one["what"]) for one in told["last"]] == [(3, "fence.undo.done")]


def test_a_changed_byte_of_the_journal_is_located(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    assert lab("apply", "--apply") == 0
    (bundle,) = (lab.folder / "state/journal/tile/entries").glob("**/2")
    bundle.write_bytes(bundle.read_bytes().replace(b"fence.apply.done", b"fence.apply.gone"))
    capsys.readouterr()
    assert lab("journal", "--json") == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["file"] == f"journal/{bundle.relative_to(lab.folder / 'state/journal')}"
    assert "entry 1 is not what was written" in problem["what"]


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (("journal",), "journal: is gone, and 1 receipts are there"),
        (("journal.key",), "journal.key"),
        (("journal/checkpoint",), "checkpoint: cannot be read"),
    ],
)
def test_a_journal_of_which_something_is_lost_is_a_problem(
    lab: Lab, capsys: pytest.CaptureFixture, lost: tuple[str, ...], said: str
) -> None:
    assert lab("apply", "--apply") == 0
    for name in lost:
        (lab.folder / "state" / name).rename(lab.folder / "aside")
    assert lab("journal") == 1
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_a_journal_that_was_begun_anew_lacks_the_receipts_of_before(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    assert lab("apply", "--apply") == 0
    capsys.readouterr()
    assert lab("status", "--json") == 0
    (first,) = (one["receipt"] for one in json.loads(capsys.readouterr().out)["receipts"])
    (lab.folder / "state/journal").rename(lab.folder / "aside")
    assert lab("apply", "--apply") == 0
    assert lab("journal") == 1
    assert f"has no line for the receipt {first}" in capsys.readouterr().err.replace("\n", " ")


def planned(lab: Lab, folder: Path, target: str = "exports") -> int:
    return run(["fence", "plan", "--estate", str(lab.folder / "cluster.estate"), "--target", target, "-o", str(folder)])


def test_a_plan_is_written_for_its_owner_alone_and_takes_the_place_of_the_one_before(lab: Lab) -> None:
    folder = lab.folder / "plan"
    assert planned(lab, folder) == 0
    files = [one for one in folder.rglob("*") if one.is_file()]
    assert {one.stat().st_mode & 0o777 for one in files} == {0o600}
    (folder / "exports/notes").write_text("mine")
    assert planned(lab, folder, "nftables") == 0
    assert [one.name for one in (folder / "exports").iterdir()] == ["notes"]
    assert (folder / "nftables/loaded-by.txt").exists()


def test_a_plan_goes_into_no_file_and_no_folder_of_others(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    (lab.folder / "others").mkdir()
    (lab.folder / "others/notes").write_text("mine")
    assert [planned(lab, lab.folder / name) for name in ("others", "fence.toml", "fence.toml/below")] == [1, 1, 1]
    said = capsys.readouterr().err
    assert "no plan wrote" in said
    assert said.count("name another folder with -o") == 2
    assert [one.name for one in (lab.folder / "others").iterdir()] == ["notes"]


def test_without_a_fence_there_is_no_status_no_drift_and_no_undo(lab: Lab) -> None:
    assert [lab(command) for command in ("status", "drift", "undo")] == [2, 2, 2]


def test_exceptions_that_contradict_each_other_stop_it_and_odd_ones_are_residuals(
    lab: Lab, capsys: pytest.CaptureFixture
) -> None:
    def rule(verb: str, to: str, expires: str) -> str:
        return (
            f'[[{verb}]]\nfrom = "host:nfs1"\nto = "{to}"\nplane = "ip"\nwhat = "tcp/22"\n'
            f'owner = "ann"\nreason = "test"\nexpires = {expires}\n'
        )

    file = lab.folder / "exceptions.toml"
    file.write_text(rule("allow", "host:nfs2", "2999-01-01") + rule("deny", "host:nfs2", "2999-01-01"))
    assert lab("apply", "--overrides", str(file), "--apply") == 1
    assert "contradict each other" in capsys.readouterr().err
    assert not lab.file("host:nfs1").exists()
    file.write_text(rule("allow", "host:nobody", "2999-01-01") + rule("allow", "host:nfs2", "2020-01-01"))
    assert (
        run(["fence", "plan", "--estate", str(lab.folder / "cluster.estate"), "--overrides", str(file), "--json"]) == 0
    )
    told = " ".join(one["why"] for one in json.loads(capsys.readouterr().out)["residuals"])
    assert "host:nobody" in told
    assert "ended" in told or "expired" in told
    assert lab("apply", "--overrides", str(file), "--apply") == 0


def test_a_full_table_of_keys_is_refused_before_anything_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rows = [Fact("network:ib/ib0", "sm_on", "host:sm")]
    for at, host in enumerate(("host:sm", "host:h1", "host:h2"), 1):
        rows += [
            Fact(host, "has_port", f"ibport:0x{at:016x}"),
            Fact(f"ibport:0x{at:016x}", "on_fabric", "network:ib/ib0"),
        ]
        rows.append(Fact(host, "enforced_by", "service:sm/ringfence:8443"))
    for number in range(80):
        job = f"job:slurm/alpha/{number}"
        rows += [Fact(job, "runs_on", "host:h1"), Fact(job, "runs_on", "host:h2")]
        rows += [Fact(job, "in_cluster", "cluster:alpha"), Fact(job, "in_tenant", f"tenant:t{number}")]
    save(estate_of(rows), tmp_path / "cluster.estate")
    assert run(["fence", "plan", "--estate", str(tmp_path / "cluster.estate"), "--target", "opensm"]) == 1
    assert "partition keys and holds 64" in capsys.readouterr().err


def test_a_job_on_a_host_that_nobody_captured_is_told(tmp_path: Path) -> None:
    rows = [*hosts(2), *job(1, "a", ("host:h0", "host:elsewhere"))]
    design = Design(estate_of(rows), targets=("nftables",))
    assert any("host:elsewhere" in (one.source, one.target) for one in residuals(design))


def residuals(design: Design) -> list[object]:
    return [*design.policy.residuals, *(one for made in design.compiled.values() for one in made.residuals)]


def test_a_standby_whose_file_is_elsewhere_is_told_and_a_fabric_is_one_step() -> None:
    artefact = Artefact("ib0/partitions.conf", "…", ("host:sm1", "host:sm2"))
    place = Memory("network:ib/ib0", [])
    place.target, place.hosts = "opensm", ("host:sm1",)
    stage = {"opensm": Compiled("opensm", "ib", (artefact,))}
    steps, unreached = steps_of([stage], {("opensm", "network:ib/ib0"): place})
    assert [(one.where, one.stands_for) for one in steps] == [("network:ib/ib0", ("host:sm1", "host:sm2"))]
    assert [one.where for one in unreached] == ["host:sm2"]


# order, with a fake


class Memory:
    """A fake enforcer: a host's table is a text in memory. It notes what it was told in a list that all share."""

    target = "nftables"

    def __init__(self, where: str, told: list[tuple[str, str]], meet: threading.Barrier | None = None) -> None:
        self.where, self.text, self.told, self.meet = where, "", told, meet
        self.hosts = (where,)

    def read(self) -> str:
        return self.text

    def apply(self, artefact: Artefact) -> None:
        if self.meet:
            self.meet.wait(10)
        self.text = artefact.text
        self.told.append((self.where, artefact.text))

    def restore(self, before: str) -> None:
        self.text = before
        self.told.append((self.where, before))


def hosts(count: int) -> list[Fact]:
    rows = []
    for at in range(count):
        rows.append(Fact(f"host:h{at}", "enforced_by", "service:h0/ringfence:8443"))
        address = {"address": f"10.0.{at // 200}.{at % 200 + 1}"}
        rows.append(Fact(f"host:h{at}", "attached_to", "network:10.0.0.0/16", address))
    return rows


def job(number: int, tenant: str, on: tuple[str, ...]) -> list[Fact]:
    name = f"job:slurm/alpha/{number}"
    rows = [Fact(name, "in_cluster", "cluster:alpha"), Fact(name, "in_tenant", f"tenant:{tenant}")]
    return [*rows, *(Fact(name, "runs_on", host) for host in on)]


def handed(first: tuple[str, ...], second: tuple[str, ...]) -> Estate:
    return estate_of([*hosts(4), *job(1, "a", first), *job(2, "b", second)])


def memories(
    count: int, told: list[tuple[str, str]], meet: threading.Barrier | None = None
) -> dict[tuple[str, str], Memory]:
    return {("nftables", f"host:h{at}"): Memory(f"host:h{at}", told, meet) for at in range(count)}


def test_between_tenants_every_host_breaks_before_any_host_makes_and_back_again(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    places, ledger = memories(4, told), Ledger(tmp_path / "state").make()
    old = Design(handed(("host:h0", "host:h1"), ("host:h2", "host:h3")), targets=("nftables",))
    new = Design(handed(("host:h0",), ("host:h1", "host:h2", "host:h3")), targets=("nftables",))
    list(Applying(old, ledger, places).apply())
    for go in (lambda: Applying(new, ledger, places).apply(), lambda: undo(new, ledger, places)):
        told.clear()
        list(go())
        assert (
            {where for where, _ in told[:4]} == {where for where, _ in told[4:]} == {f"host:h{at}" for at in range(4)}
        )
        between = dict(told[:4])
        assert "10.0.0.2" not in between["host:h0"].partition("in_any_v4")[2].partition("}")[0]
        assert "10.0.0.2" not in between["host:h2"].partition("in_any_v4")[2].partition("}")[0]


def test_the_order_outlives_the_note_of_what_stands(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    places, ledger = memories(4, told), Ledger(tmp_path / "state").make()
    old = Design(handed(("host:h0", "host:h1"), ("host:h2", "host:h3")), targets=("nftables",))
    new = Design(handed(("host:h0",), ("host:h1", "host:h2", "host:h3")), targets=("nftables",))
    list(Applying(old, ledger, places).apply())
    noted = ledger.in_force()
    (ledger.folder / "in-force.json").unlink()
    assert ledger.in_force() == noted
    applying = Applying(new, Ledger(ledger.folder), places)
    assert applying.shown()["stages"] == 2
    list(applying.apply())
    (ledger.folder / "in-force.json").unlink()
    list(undo(new, ledger, places))
    assert ledger.in_force() == noted
    list(undo(new, ledger, places))
    assert ledger.in_force() is None


def test_places_of_one_target_change_at_the_same_time(tmp_path: Path) -> None:
    """Each of 48 hosts waits until all of them are being changed."""
    told: list[tuple[str, str]] = []
    meet = threading.Barrier(48)
    design = Design(estate_of([*hosts(48), *job(1, "a", ("host:h0", "host:h1"))]), targets=("nftables",))
    outcomes = list(Applying(design, Ledger(tmp_path / "state").make(), memories(48, told, meet)).apply())
    assert len(outcomes) == 48
    assert {one.status for one in outcomes} == {"done"}
    assert running.AT_ONCE >= 48


def test_a_host_that_fails_in_the_middle_keeps_the_new_rules_from_everyone(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    places, ledger = memories(4, told), Ledger(tmp_path / "state").make()
    old = Design(handed(("host:h0", "host:h1"), ("host:h2", "host:h3")), targets=("nftables",))
    new = Design(handed(("host:h0",), ("host:h1", "host:h2", "host:h3")), targets=("nftables",))
    list(Applying(old, ledger, places).apply())

    class Broken(Memory):
        """A fake that answers and does not obey."""

        def apply(self, artefact: Artefact) -> None:
            raise EnforceError("it is on fire", left=("its old rules",))

    healthy = places["nftables", "host:h3"]
    broken = Broken("host:h3", told)
    broken.text = healthy.text
    with pytest.raises(EnforceError) as failed:
        list(Applying(new, ledger, places | {("nftables", "host:h3"): broken}).apply())
    assert failed.value.left == ("nftables on host:h3: it is on fire; its old rules",)
    assert "10.0.0.2" not in places["nftables", "host:h2"].text
    (cut,) = receipts.listed(ledger.database, ("begun",))
    assert {one.status for one in cut.targets} == {"changing", "changed"}
    assert ledger.in_force() is not None
    list(undo(new, ledger, places))
    assert ledger.in_force() is not None
    assert not receipts.listed(ledger.database, ("begun", "undoing"))


def test_every_stage_between_two_days_of_a_cluster_proves_on_every_target() -> None:
    """A third of the jobs of a drawn cluster end while another third begin."""
    said = list(facts(draw(40, 3)))
    jobs = sorted({fact.subject for fact in said if fact.subject.startswith("job:")})
    one, other = (Design(estate_of([fact for fact in said if fact.subject not in set(jobs[at::3])])) for at in range(2))
    for old, new in ((one, other), (other, one)):
        policies = stages(old.policy, new.policy)
        assert len(policies) == 2
        compiled, _ = compiled_stages(new, policies, {})
        prove_stages(new, policies, compiled)
