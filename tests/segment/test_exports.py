"""Export tables let in whom the policy names and nobody whom the server did not let in before."""

import random

import pytest

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.compile.exports import compile_exports
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled, Policy
from ringfence.segment.place import place
from ringfence.segment.prove.verdict import Names
from ringfence.wire.storage.exports import parse
from tests.segment.policies import damaged, fence, proven, some

HOSTS = tuple(f"host:gpu{at}" for at in range(6))
ADDRESSES = {host: (f"10.0.0.{at + 1}",) for at, host in enumerate(HOSTS)}
HOME, TEAM, MODELS = "storage:nfs1:/export/home", "storage:nfs1:/export/home/team", "storage:nfs1:/export/models"
PLACES = (HOME, TEAM, MODELS, "storage:nfs2:/data", "storage:s3:bucket")
BEFORE = (
    "/export/home 10.0.0.0/24(rw,sync,root_squash,sec=krb5p)\n"
    "/export/models 10.0.0.0/29(rw,fsid=7,all_squash,anonuid=99) *(ro,no_subtree_check)\n"
)


def inventory(there: str = "", **others: str) -> Inventory:
    return Inventory(
        addresses=ADDRESSES,
        enforcers={"exports": ("host:nfs1", "host:nfs2")},
        there={"exports": {"host:nfs1": there, **{f"host:{name}": text for name, text in others.items()}}},
    )


def compiled(policy: Policy, there: str = "") -> Compiled:
    return compile_exports(policy, inventory(there), {"host:nfs1": BEFORE})


TWO = fence(
    "storage",
    {"a": HOSTS[:2], "b": HOSTS[2:4], "idle": HOSTS[4:], "home": (HOME,), "models": (MODELS,)},
    [("a", "home", "rw"), ("a", "models", "ro"), ("b", "models", "rw")],
)


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("there", ["", "/export 10.0.0.4(rw)\n", "/export/home/team *(ro,no_subtree_check)\n", BEFORE])
def test_what_is_written_lets_in_whom_it_should_and_tells_the_rest(seed: int, there: str) -> None:
    policy = some(random.Random(seed), "storage", HOSTS, PLACES, ("ro", "rw"))
    everything = {"host:nfs1": "/ 10.0.0.0/8(rw)\n", "host:nfs2": "/ 10.0.0.0/8(rw)\n"}
    world = inventory(there, nfs2="")
    made = compile_exports(policy, world, everything)
    assert proven("exports", policy, world, made).differences == ()


def test_options_are_kept_and_never_widened() -> None:
    text = compiled(TWO).artefacts[0].text
    assert "/export/home 10.0.0.1(rw,sync,root_squash,sec=krb5p) 10.0.0.2(rw," in text
    assert "10.0.0.3(rw,fsid=7,all_squash,anonuid=99) 10.0.0.4(rw," in text
    assert "10.0.0.1(ro,fsid=7,all_squash,anonuid=99)" in text
    below = fence("storage", {"a": HOSTS[:2], "team": (TEAM,)}, [("a", "team", "rw")])
    assert (
        "/export/home/team 10.0.0.1(rw,sync,root_squash,sec=krb5p,subtree_check)" in compiled(below).artefacts[0].text
    )


def test_neighbouring_addresses_become_one_network_that_holds_no_other() -> None:
    policy = fence("storage", {"a": HOSTS[1:3], "home": (HOME,)}, [("a", "home", "ro")])
    assert "/export/home 10.0.0.2/31(ro," in compiled(policy).artefacts[0].text


def test_what_was_read_only_before_stays_so_and_the_proof_says_that_it_breaks() -> None:
    policy = fence("storage", {"far": ("host:far",), "models": (MODELS,)}, [("far", "models", "rw")])
    world = Inventory(
        addresses={"host:far": ("192.168.0.1",)}, enforcers={"exports": ("host:nfs1",)}, there=inventory().there
    )
    made = compile_exports(policy, world, {"host:nfs1": BEFORE})
    assert "192.168.0.1(ro,no_subtree_check)" in made.artefacts[0].text
    (gap,) = proven("exports", policy, world, made).differences
    assert (gap.kind, gap.source, gap.what) == ("break", "host:far", "rw")


@pytest.mark.parametrize(
    ("old", "new", "witness"),
    [
        ("10.0.0.1(rw,", "10.0.0.0/29(rw,", ("leak", "host:gpu2", HOME)),
        ("10.0.0.1(rw,", "10.0.0.1(ro,", ("break", "host:gpu0", HOME)),
        ("10.0.0.1(rw,", "*(ro,", ("leak", "host:gpu4", HOME)),
        ("10.0.0.1(rw,", "@all(ro,", ("leak", "host:gpu4", HOME)),
        ("10.0.0.1(rw,", "gpu5(rw,", ("leak", "host:gpu5", HOME)),
        ("10.0.0.1(rw,", "10.0.0.1 (rw,", ("leak", "host:gpu4", HOME)),
        ("10.0.0.1(ro,", "10.0.0.1(rw,", ("leak", "host:gpu0", MODELS)),
        ("/export/home ", "/export ", ("leak", "host:gpu0", MODELS)),
        ("/export/models ", "/export/model ", ("break", "host:gpu2", MODELS)),
        ("10.0.0.3(rw,", "10.0.0.5(rw,", ("leak", "host:gpu4", MODELS)),
    ],
)
def test_damage_is_seen(old: str, new: str, witness: tuple[str, str, str]) -> None:
    made = damaged(compiled(TWO), old, new)
    found = {(one.kind, one.source, one.target) for one in proven("exports", TWO, inventory(), made).differences}
    assert witness in found


def test_what_others_export_stays_open_and_is_told() -> None:
    made = compiled(TWO, "/export/home 10.0.0.0/24(ro)\n")
    assert {one.source for one in made.residuals if one.target == HOME} == {"*"}
    proof = proven("exports", TWO, inventory("/export/home 10.0.0.0/24(ro)\n"), made)
    assert proof.holds
    assert proof.open_pairs == 4


def test_folders_that_are_open_to_the_same_hosts_are_told_together_whoever_may_use_each() -> None:
    others = "/export/home 10.0.0.0/24(rw)\n/export/models 10.0.0.0/24(rw)\n"
    homes = [f"{HOME}/{who}" for who in "abc"]
    groups = {who: (HOSTS[at], home) for at, (who, home) in enumerate(zip("abc", homes, strict=True))}
    policy = fence("storage", groups, [(who, who, "rw") for who in "abc"])
    (one,) = compiled(policy, others).residuals
    assert (one.source, one.target, one.pairs) == ("*", ", ".join(homes), 6)
    proof = proven("exports", policy, inventory(others), compiled(policy, others))
    assert (proof.holds, proof.open_pairs) == (True, 12)  # each pair: to read, and to write


def test_a_folder_whose_name_looks_like_several_opens_no_other() -> None:
    odd = f"{HOME}, {MODELS}, *"
    policy = fence("storage", {"a": HOSTS[:1], "odd": (odd,), "models": (MODELS,), "home": (HOME,)}, [])
    made = compiled(policy, '"/export/home, storage:nfs1:/export/models, *" 10.0.0.0/24(rw)\n/export/home *(rw)\n')
    assert {one.target for one in made.residuals} == {odd, HOME}
    names = Names(policy, "storage")
    assert [names.names[at] for at in names.of(odd)] == [odd]


def test_a_server_whose_table_nobody_captured_gets_nothing_and_is_open() -> None:
    blind = Inventory(addresses=ADDRESSES, enforcers={"exports": ("host:nfs1",)})
    made = WRITERS["exports"].write(TWO, blind)
    assert made.artefacts == ()
    assert {one.target for one in made.residuals} == {"home", "models"}
    assert proven("exports", TWO, blind).holds


def test_a_folder_within_an_exported_one_is_open_to_whoever_mounts_the_outer() -> None:
    groups = {"a": HOSTS[:2], "b": HOSTS[2:4], "home": (HOME,), "team": (TEAM,)}
    policy = fence("storage", groups, [("a", "home", "rw"), ("b", "team", "rw")])
    assert {(one.source, one.target) for one in compiled(policy).residuals} == {("a", TEAM)}
    assert proven("exports", policy, inventory(), compiled(policy)).open_pairs == 4


def test_a_path_with_blanks_is_read_back_as_it_was() -> None:
    odd = 'storage:nfs1:/export/home/a b#"c'
    policy = fence("storage", {"a": HOSTS[:1], "odd": (odd,)}, [("a", "odd", "ro")])
    (export,) = parse(compiled(policy).artefacts[0].text.encode()).exports
    assert export.path == place(odd).path == '/export/home/a b#"c'


def test_a_path_that_climbs_is_refused() -> None:
    with pytest.raises(InputError, match=r"\.\."):
        place("storage:nfs1:/export/../etc")


def test_a_path_that_would_end_a_line_is_refused() -> None:
    with pytest.raises(InputError, match="control characters"):
        place("storage:nfs1:/export/a\n/ *(rw,no_root_squash)")
