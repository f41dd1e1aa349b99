"""Storage, data, artefacts and lineage together: names by place, rights by modes."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.collect import storage
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.storage_after import after, registry_of
from ringfence.errors import Problem
from ringfence.estate.facts import Fact
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures"


def collected(**files: bytes | str) -> list[Fact | Problem]:
    """Facts of files given as path with `__` for `/`."""
    found = [
        CapturedFile(name.replace("__", "/"), data.encode() if isinstance(data, str) else data)
        for name, data in files.items()
    ]
    assert all(storage.recognise(file.path, file.head) for file in found), [f.path for f in found]
    return list(storage.collect(storage.FORM, found, Scope(cluster="c1")))


def said(found: list[Fact | Problem], *predicates: str) -> set[tuple[str, str, str]]:
    return {
        (each.subject, each.predicate, each.object)
        for each in found
        if isinstance(each, Fact) and (not predicates or each.predicate in predicates)
    }


def row(mode: str, kind: str, owner: str, group: str, path: str, size: int = 10) -> str:
    return f"{mode}\t{kind}\t{owner}\t{group}\t{size}\t{path}\n"


MOUNT = "nfs1:/export/weights /mnt/w nfs4 rw,vers=4.2,sec=sys,addr=10.1.64.5 0 0\n"
EXPORT = "/export/weights 10.1.0.0/16(rw)\n"


def listing(top: str, mode: str = "0750", file_mode: str = "0640") -> str:
    return (
        row("0755", "d", "root", "root", top)
        + row(mode, "d", "llm", "ml", f"{top}/llama")
        + row(file_mode, "f", "llm", "ml", f"{top}/llama/model.safetensors")
    )


def test_client_server_and_lineage_name_the_same_model():
    """A listing on a client, one on the server and an event agree without being told."""
    event = (FIXTURES / "lineage/events.ndjson").read_bytes()
    client = collected(hosts__gpu1__mounts=MOUNT, hosts__nfs1__exports=EXPORT, hosts__gpu1__folders=listing("/mnt/w"))
    server = collected(hosts__nfs1__exports=EXPORT, hosts__nfs1__folders=listing("/export/weights"))
    events = collected(hosts__nfs1__exports=EXPORT, lineage__events=event)
    model = "model:nfs1:/export/weights/llama"
    for found in (client, server):
        assert (model, "stored_on", "storage:nfs1:/export/weights") in said(found)
    assert ("job:slurm/c1/4711", "writes", model) in said(events)
    assert (model, "trained_from", "dataset:nfs1:/export/weights/web") in said(events)
    assert (model, "trained_from", "dataset:s3:corpus/feedback/2025") in said(events)


def test_a_mark_gives_a_place_the_users_own_name():
    """Below the marked folder everything is that model."""
    mark = '[[data]]\npath = "nfs1:/export/weights/llama"\nkind = "model"\nname = "llama-3"\njewel = true\n'
    files = [
        CapturedFile("data.toml", mark.encode()),
        CapturedFile("hosts/nfs1/exports", EXPORT.encode()),
        CapturedFile("hosts/nfs1/folders", listing("/export/weights").encode()),
    ]
    found = list(storage.collect(storage.FORM, files, Scope()))
    assert ("model:llama-3", "stored_on", "storage:nfs1:/export/weights") in said(found)
    assert ("model:llama-3", "jewel", "marked") in said(found)


@pytest.mark.parametrize(
    ("folder", "file", "readers"),
    [
        ("0750", "0640", {"identity:llm", "identity:group/ml"}),
        ("0755", "0644", {"identity:llm", "identity:group/ml", "identity:*"}),
        ("0700", "0644", {"identity:llm"}),
        ("0751", "0640", {"identity:llm", "identity:group/ml"}),
        ("0755", "0600", {"identity:llm"}),
    ],
)
def test_a_right_counts_only_where_every_folder_above_lets_pass(folder, file, readers):
    """An open file in a closed folder is closed."""
    found = collected(hosts__nfs1__exports=EXPORT, hosts__nfs1__folders=listing("/export/weights", folder, file))
    assert {who for _, _, who in said(found, "readable_by")} == readers


def test_one_readable_shard_makes_the_whole_readable():
    """A thief takes what there is."""
    more = row("0644", "f", "llm", "ml", "/export/weights/llama/model-2.safetensors")
    found = collected(
        hosts__nfs1__exports=EXPORT, hosts__nfs1__folders=listing("/export/weights", "0755", "0600") + more
    )
    assert ("model:nfs1:/export/weights/llama", "readable_by", "identity:*") in said(found)


def test_a_sticky_folder_does_not_let_others_replace_files():
    """Only without the sticky bit does writing to the folder mean writing the data."""
    for mode, open_ in (("1777", False), ("0777", True)):
        found = collected(hosts__nfs1__exports=EXPORT, hosts__nfs1__folders=listing("/export/weights", mode, "0644"))
        writers = {who for subject, _, who in said(found, "writable_by") if subject.startswith("model:")}
        assert ("identity:*" in writers) is open_


def test_slices_of_a_dataset_are_one_dataset():
    """Partitions, shards and splits fold up into the folder above them."""
    top = "/export/weights/web"
    rows = row("0755", "d", "ingest", "ml", "/export/weights") + row("0755", "d", "ingest", "ml", top)
    for at in range(20):
        rows += row("0755", "d", "ingest", "ml", f"{top}/train/part={at}")
        rows += row("0644", "f", "ingest", "ml", f"{top}/train/part={at}/x.parquet", 1000)
    found = collected(hosts__nfs1__exports=EXPORT, hosts__nfs1__folders=rows)
    assert said(found, "size_bytes") == {("dataset:nfs1:/export/weights/web", "size_bytes", "20000")}


def test_what_nobody_showed_about_a_server_is_a_hole():
    """Mounted storage whose export table was not captured is asked for and unanswered."""
    (hole,) = [
        each
        for each in collected(hosts__gpu1__mounts=MOUNT)
        if isinstance(each, Fact) and each.predicate == "asked" and each.object == "exports"
    ]
    assert hole.subject == "storage:nfs1:/export/weights"
    assert hole.attributes["answered"] is False


def test_ten_thousand_clients_do_not_repeat_what_is_known_of_the_storage():
    """Else every client would meet every other in a join."""
    found = collected(**{f"hosts__gpu{at}__mounts": MOUNT for at in range(200)})
    assert len([each for each in found if isinstance(each, Fact) and each.predicate == "setting"]) == 2
    assert len(said(found, "mounts")) == 200


def test_a_server_mounted_by_address_is_the_one_mounted_by_name():
    """One host's table names both."""
    other = MOUNT.replace("nfs1:", "10.1.64.5:")
    found = collected(hosts__gpu1__mounts=MOUNT, hosts__gpu2__mounts=other)
    assert {term for _, _, term in said(found, "mounts")} == {"storage:nfs1:/export/weights"}


def test_a_server_named_in_full_is_the_one_named_short():
    """Kubernetes volumes say the full name; the alias joins them."""
    found = collected(hosts__gpu1__mounts=MOUNT.replace("nfs1:", "nfs1.hpc.example:"))
    alias = ("storage:nfs1.hpc.example:/export/weights", "same_as", "storage:nfs1:/export/weights")
    assert alias in said(found, "same_as")


def test_the_published_pickles_are_findings_and_holes_never_crashes():
    """All are collected: imports by name, the broken one a problem with its place."""
    folder = shared("pickle")
    files = [CapturedFile(f"artefacts/gpu1/mnt/{p.name}", p.read_bytes()) for p in sorted(folder.iterdir())]
    claimed = [file for file in files if storage.recognise(file.path, file.head)]
    assert len(claimed) == len(files) - 1  # the licence is not an artefact
    found = list(storage.collect(storage.FORM, claimed, Scope()))
    weak = {term for _, _, term in said(found, "vulnerable_to")}
    assert {"pickle:posix.system", "pickle:runpy._run_code", "pickle:builtins.exec"} <= weak
    problems = [each for each in found if isinstance(each, Problem)]
    assert [problem.file for problem in problems] == ["artefacts/gpu1/mnt/broken_model.pkl"]


def test_bills_of_material_say_what_images_and_models_are_made_of():
    """SPDX of an image, ML-BOM of a model."""
    image = (FIXTURES / "artefact/image.spdx.json").read_bytes()
    model = (FIXTURES / "artefact/mlbom.cdx.json").read_bytes()
    found = said(collected(artefacts__a=image, artefacts__b=model))
    reference = "image:registry01:5000/train/llm@sha256:ab12"
    assert (reference, "contains_package", "package:pkg:deb/debian/openssl") in found
    assert ("model:llama-ft", "contains_package", "package:pkg:pypi/torch") in found
    assert ("model:llama-ft", "trained_from", "dataset:web-2025") in found


def test_images_come_from_the_registry_that_their_reference_names():
    """Once per image, whoever starts from it; a path on disk comes from none."""
    facts = [
        Fact("job:slurm/c1/1", "uses_image", "image:registry01:5000/train/llm:latest"),
        Fact("job:slurm/c1/2", "uses_image", "image:registry01:5000/train/llm:latest"),
        Fact("job:slurm/c1/3", "uses_image", "image:/images/llm.sqsh"),
    ]
    (fact,) = after(facts, Scope())
    assert (fact.predicate, fact.object) == ("pulled_from", "service:registry01/registry:5000")
    assert registry_of("nvcr.io#nvidia/pytorch:25.01") == ("nvcr.io", "443")
    assert registry_of("pytorch/pytorch") == ("docker.io", "443")


def test_storage_offered_to_a_network_is_offered_to_its_subnets():
    """Hosts name the subnet that they are in, exports the whole."""
    facts = [
        Fact("storage:nfs1:/x", "exported_to", "network:10.1.0.0/16", {"mode": "rw"}),
        Fact("host:gpu1", "attached_to", "network:10.1.7.0/24"),
        Fact("host:far", "attached_to", "network:10.2.0.0/24"),
    ]
    assert [fact.object for fact in after(facts, Scope())] == ["network:10.1.7.0/24"]


def test_wildcards_are_offered_to_whom_they_may_mean():
    """Addresses become their network, names the hosts that they fit, else every network known."""
    table = "/a 10.0.0.*(rw)\n/b gpu*.hpc.example(rw)\n/c *.hpc.example(ro)\n/d gss/krb5i(rw,insecure)\n"
    facts = [each for each in collected(hosts__nfs1__exports=table) if isinstance(each, Fact)]
    facts += [Fact("host:gpu1", "attached_to", "network:10.0.0.0/24"), Fact("host:ws", "in_rack", "R")]
    facts += [Fact("host:gpu1", "attached_to", "network:internet")]
    facts += after(facts, Scope())
    assert {(f.subject[-2:], f.object) for f in facts if f.predicate == "exported_to"} == {
        ("/a", "network:10.0.0.0/24"),
        ("/b", "host:gpu1"),
        ("/c", "network:10.0.0.0/24"),
    }
    settings = said(list(facts), "setting")
    everyone = {("storage:nfs1:/d", "setting", one) for one in ("exported_to=*", "insecure", "sec=krb5i")}
    assert everyone <= settings
    assert ("storage:nfs1:/d", "setting", "sec=sys") not in settings


def test_a_netgroup_leaves_its_storage_a_hole():
    """Who is in it stands elsewhere; the other exports are known."""
    found = collected(hosts__nfs1__exports="/a @trusted(rw) gpu1(rw)\n/b gpu1(rw)\n")
    shown = {f.subject: f.attributes for f in found if isinstance(f, Fact) and f.predicate == "asked"}
    assert shown["storage:nfs1:/a"]["answered"] is False
    assert "@trusted" in str(shown["storage:nfs1:/a"]["reason"])
    assert shown["storage:nfs1:/b"]["complete"] is True
    assert "complete" not in shown["host:nfs1"]


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 300))
def test_damaged_captures_become_problems(junk, at):
    """Through the whole collector, whatever it is taken for."""
    event = (FIXTURES / "lineage/events.ndjson").read_bytes()
    for good in (MOUNT.encode(), EXPORT.encode(), listing("/mnt/w").encode(), event, b"\x80\x04]."):
        data = good[:at] + junk
        file = CapturedFile("hosts/gpu1/x.pkl", data)
        if storage.recognise(file.path, file.head):
            list(storage.collect(storage.FORM, [file], Scope()))


def test_hostile_names_cannot_write_to_a_terminal():
    """Escape sequences in a listing's names do not reach an id."""
    rows = row("0755", "d", "a\x1b[2J", "ml", "/d/\x1b]0;x\x07") + row("0644", "f", "a", "ml", "/d/\x1b]0;x\x07/m.gguf")
    text = json.dumps([each.as_json() for each in collected(hosts__h__folders=rows) if isinstance(each, Fact)])
    assert "\\u001b" not in text
    assert "\\u0007" not in text


def test_an_archive_made_to_exhaust_is_left_with_a_problem():
    """Thousands of members that might be pickles: looked at up to a limit, the rest named."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for at in range(9_000):
            made.writestr(f"d/{at}", b"(]" * 1_000)
    (problem,) = collected(artefacts__gpu1__mnt__x_pt=held.getvalue())
    assert isinstance(problem, Problem)
    assert "not looked at" in problem.what


def test_a_pickle_behind_padding_is_still_seen():
    """A member called data.pkl is scanned whole, though its first 64 KiB lead nowhere."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/data.pkl", b"N0" * 100_000 + b"cos\nsystem\n(S'id'\ntR.")
    found = collected(artefacts__gpu1__mnt__x_pt=held.getvalue())
    assert "pickle:os.system" in {term for _, _, term in said(found, "vulnerable_to")}


def test_raw_binaries_are_not_called_pickles():
    """Token files end in .bin as well; only bytes say."""
    raw = bytes(range(1, 256)) * 40
    assert storage.recognise("artefacts/gpu1/data/tokens.bin", raw) == ""
    found = collected(**{"artefacts__gpu1__data__x.pkl": raw})
    assert not said(found, "has_format")


def event(kind: str, inputs: list[str], outputs: list[str]) -> str:
    """One OpenLineage event of the run that makes what it writes."""
    named = {
        "inputs": [{"namespace": "file", "name": each} for each in inputs],
        "outputs": [{"namespace": "file", "name": each} for each in outputs],
    }
    run, job = {"runId": "r1"}, {"namespace": "slurm://c1", "name": outputs[0] if outputs else "7"}
    said = {"eventType": kind, "eventTime": "2026-01-01T00:00:00Z", "producer": "p", "run": run, "job": job, **named}
    return json.dumps(said) + "\n"


def test_a_model_whose_runs_name_no_input_has_no_provenance():
    """Only a lineage system says so: what was seen opened is never all there was."""
    none = collected(lineage__events=event("COMPLETE", [], ["/w/llama/model.safetensors"]))
    assert {fact[2] for fact in said(none, "setting")} == {"provenance=none"}
    assert [each.attributes for each in none if isinstance(each, Fact) and each.object == "lineage"] == [
        {"answered": True, "complete": True}
    ]
    opened = json.dumps({"job": "7", "path": "/w/llama/model.safetensors", "mode": "w", "host": "gpu1"})
    seen = collected(lineage__opens=opened)
    assert said(seen, "setting") == set()
    assert "lineage" not in {fact[2] for fact in said(seen, "asked")}


def test_inputs_that_a_run_names_at_its_start_count_for_what_it_wrote_at_its_end():
    """The events of one run are taken together."""
    model = "/w/llama/model.safetensors"
    start = event("START", ["/d/web/part.parquet"], []).replace('"name": "7"', f'"name": "{model}"')
    found = collected(lineage__events=start + event("COMPLETE", [], [model]))
    assert {fact[2] for fact in said(found, "setting")} == {"provenance=named"}


def test_what_a_listing_holds_was_asked_for():
    """Rights of data rest on a listing; where there is none, nothing claims that they are known."""
    found = collected(hosts__nfs1__exports=EXPORT, hosts__nfs1__folders=listing("/export/weights"))
    assert ("model:nfs1:/export/weights/llama", "asked", "folders") in said(found, "asked")


def test_a_hand_over_is_verified_where_the_reader_names_the_version():
    """One run writes the dataset, another reads it; a version or a digest says which bytes it means."""
    data, model = "/d/web/part.parquet", "/w/llama/model.safetensors"
    written = event("COMPLETE", [], [data])
    loose = collected(lineage__events=written + event("COMPLETE", [data], [model]))
    assert ("dataset:/d/web", "setting", "hand-over=unverified") in said(loose, "setting")
    version = ', "facets": {"version": {"datasetVersion": "7"}}'
    pinned = event("COMPLETE", [data], [model]).replace(f'"name": "{data}"', f'"name": "{data}"{version}', 1)
    found = collected(lineage__events=written + pinned)
    assert ("dataset:/d/web", "setting", "hand-over=pinned") in said(found, "setting")
