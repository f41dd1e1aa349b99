"""Never above a level that a fact or a missing fact stands against, and never that a level is met."""

from datetime import date
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ringfence.app.assess.attest import attestations
from ringfence.app.assess.weights import weights
from ringfence.assess.rand import MEASURES, Attested, Ceiling, Held, Stolen, Stood, ceilings
from ringfence.cli import run, threats_told
from ringfence.errors import InputError, UsageError
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import PREDICATES
from ringfence.store.saved import save
from tests.assess.test_incidents import ray_estate

TODAY, MODELS = date(2027, 3, 1), {"model:m"}
ANSWERED = {"answered": True, "complete": True}
SAFE = Fact("model:m", "has_format", "safetensors")
GOOD = [
    Fact("model:m", "stored_on", "storage:nfs1:/w", {"mode": "0700"}),
    SAFE,
    Fact("model:m", "size_bytes", "14000000000"),
    Fact("model:m", "readable_by", "identity:train"),
    Fact("storage:nfs1:/w", "exported_by", "host:nfs1"),
    Fact("storage:nfs1:/w", "exported_to", "network:10.1.0.0/24", {"mode": "rw"}),
    Fact("storage:nfs1:/w", "setting", "sec=krb5p"),
    Fact("storage:nfs1:/w", "asked", "exports", ANSWERED),
    Fact("host:nfs1", "asked", "folders", ANSWERED),
    Fact("storage:nfs2:/copy", "asked", "exports", ANSWERED),
    Fact("storage:nfs2:/copy", "exported_by", "host:nfs1"),
    Fact("host:nfs1", "asked", "addresses", ANSWERED),
    Fact("host:nfs1", "attached_to", "network:10.1.0.0/24"),
    Fact("job:slurm/c/1", "reads", "model:m"),
    Fact("job:slurm/c/1", "runs_on", "host:a"),
    Fact("host:a", "has_gpu", "gpu:G"),
    Fact("host:a", "asked", "gpu", ANSWERED),
    Fact("gpu:G", "setting", "cc_mode=on"),
]


def ceiling(facts: list[Fact], attested: tuple[Attested, ...] = ()) -> Ceiling:
    (found,) = ceilings(estate_of(facts), attested)
    return found


def test_where_all_that_facts_decide_holds_no_level_is_met_either() -> None:
    """Nothing stands against it, and it says so in those words; what needs a signature is counted apart."""
    found = ceiling(GOOD)
    assert (found.level, found.shown_level, found.shown, found.of) == (None, None, 8, 8)
    assert (found.attested, found.to_attest) == (0, 8)
    assert found.because == found.missing == ""


@pytest.mark.parametrize(
    ("worse", "level", "measure"),
    [
        (Fact("model:m", "readable_by", "identity:*"), 1, "RF.W01"),
        (Fact("storage:nfs1:/w", "setting", "no_root_squash"), 1, "RF.W02"),
        (Fact("model:m", "stored_on", "storage:nfs2:/copy", {"mode": "0700"}), 2, "RF.W05"),
        (Fact("model:m", "has_format", "pickle"), 2, "RF.W06"),
        (Fact("storage:nfs1:/w", "setting", "sec=sys"), 2, "RF.W07"),
        (Fact("network:10.1.0.0/24", "reaches_outside", "network:internet", {"mbit_s": 1000}), 3, "RF.W11"),
        (Fact("network:10.1.0.0/24", "reaches_outside", "network:internet", {"mbit_s": 0.1}), 4, "RF.W14"),
    ],
)
def test_a_fact_against_a_measure_is_the_ceiling(worse: Fact, level: int, measure: str) -> None:
    """With the fact that says so."""
    found = ceiling([*GOOD, worse])
    assert found.level == level
    assert "not in place" in found.because
    (stood,) = [one for one in found.measures if one.measure == measure]
    assert stood.held is Held.NO
    assert worse in stood.facts


def test_a_measure_without_a_fact_that_it_rests_on_is_not_in_place() -> None:
    """Whichever fact is gone: what is not known is no better than what is bad."""
    for stood in (one for one in ceiling(GOOD).measures if one.held is Held.YES):
        assert stood.facts
        for gone in stood.facts:
            for found in ceilings(estate_of([fact for fact in GOOD if fact != gone])):
                (again,) = [one for one in found.measures if one.measure == stood.measure]
                assert again.held is not Held.YES, (stood.measure, gone)
                assert found.level is None, "what is unknown is no reason for a bound"
                assert found.shown_level is not None
                assert found.shown_level < stood.level
                assert "not known" in found.missing


def test_a_missing_fact_is_told_apart_from_one_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A fact at SL3 bounds it; that nobody read the folders only leaves lower levels not shown."""
    folders = next(fact for fact in GOOD if fact.object == "folders")
    facts = [fact for fact in GOOD if fact not in (folders, SAFE)] + [Fact("model:m", "has_format", "pickle")]
    found = ceiling(facts)
    assert (found.level, found.shown_level) == (2, 1)
    told = weights(estate_of(facts), [], [], TODAY)
    assert (told["models"][0]["not_above"], told["models"][0]["not_shown_above"]) == ("SL2", "SL1")
    threats_told.levels(told, json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "not above SL2, because weights come and go in a format that runs no code: not in place" in said
    assert "; not shown above SL1: no account that does not need them may read the weights: not known" in said
    only = weights(estate_of([fact for fact in GOOD if fact != folders]), [], [], TODAY)
    threats_told.levels(only, json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "not above" not in said
    assert "no fact stands against any level" in said


SIZE = Fact("model:m", "size_bytes", "14000000000")
PLACE = GOOD[0]
DOOR = Fact("network:10.1.0.0/24", "reaches_outside", "network:internet", {"mbit_s": 1000})


def way_out(facts: list[Fact], *stolen: Stolen) -> Stood:
    """What is said of RF.W14."""
    (found,) = ceilings(estate_of(facts), stolen=dict.fromkeys(["model:m"], *stolen) if stolen else {})
    return next(one for one in found.measures if one.measure == "RF.W14")


def test_weights_that_attackers_carry_off_by_the_moves_have_a_way_outside() -> None:
    """Even where none of their holders has one of its own."""
    way = Fact("service:a/ray:8265", "listens_on", "host:a")
    (found,) = ceilings(estate_of(GOOD), stolen={"model:m": Stolen(True, (way,))})
    held = {one.measure: one.held for one in found.measures}
    assert (held["RF.W11"], held["RF.W14"]) == (Held.UNKNOWN, Held.NO)
    assert (found.level, found.shown_level) == (4, 3)
    assert way in way_out(GOOD, Stolen(True, (way,))).facts
    assert way_out(GOOD, Stolen(False)).held is Held.UNKNOWN


@pytest.mark.parametrize("gone", [[SIZE], [PLACE], [SIZE, PLACE], GOOD[4:5]])
def test_no_missing_fact_hides_that_weights_are_carried_off(gone: list[Fact]) -> None:
    """Neither their size nor their place nor who holds them is needed to know that they leave."""
    less = [*(fact for fact in GOOD if fact not in gone), SAFE]
    assert way_out(less, Stolen(True)).held is Held.NO
    assert ceilings(estate_of(less), stolen={"model:m": Stolen(True)})[0].level == 4
    assert way_out(less).held is not Held.NO


def test_no_missing_fact_hides_a_door_of_what_holds_them() -> None:
    """Not their size, not the speed of the door, not another holder of which nobody told."""
    unsized = [fact for fact in GOOD if fact != SIZE]
    silent = [Fact("host:b", "mounts", "storage:nfs1:/w")]
    unrated = Fact(DOOR.subject, DOOR.predicate, DOOR.object)
    for facts in ([*unsized, DOOR], [*GOOD, unrated], [*unsized, *silent, DOOR]):
        stood = way_out(facts)
        assert (stood.held, "host:nfs1 can send outside" in stood.why) == (Held.NO, True)
        assert DOOR.subject in [fact.subject for fact in stood.facts if fact.predicate == "reaches_outside"]
    assert way_out(unsized).held is Held.YES, "no door needs no size either"
    assert way_out([*GOOD, *silent]).held is Held.UNKNOWN


@pytest.mark.parametrize(
    ("other", "measure", "held"),
    [
        ([Fact("host:a", "has_gpu", "gpu:H")], "RF.W10", Held.UNKNOWN),
        ([Fact("host:a", "setting", "gpu_cc_mode=off")], "RF.W10", Held.NO),
        ([Fact("storage:nfs1:/w", "setting", "sec=none")], "RF.W07", Held.NO),
        ([Fact("model:m", "stored_on", "storage:nfs2:/copy", {"mode": "0700"})], "RF.W07", Held.UNKNOWN),
        ([Fact("model:m", "stored_on", "storage:nfs2:/copy", {"mode": "0700"})], "RF.W02", Held.UNKNOWN),
    ],
)
def test_what_holds_of_one_thing_is_not_said_of_all(other: list[Fact], measure: str, held: Held) -> None:
    """A second accelerator or storage of which nobody told is no better for the first; what refutes it does."""
    asked = Fact("storage:nfs2:/copy", "exported_by", "host:nfs1")
    (found,) = ceilings(estate_of([*GOOD, asked, *other]))
    assert next(one.held for one in found.measures if one.measure == measure) is held


def test_an_exposed_ray_host_lets_weights_of_unknown_size_out(tmp_path: Path) -> None:
    """The same estate on which `reach` shows them stolen: never above SL4, with the facts of that way."""
    told = weights(ray_estate(tmp_path, "fires"), [], [], TODAY, ["network:internet"])
    (model,) = [one for one in told["models"] if one["model"] == "model:lm7b"]
    assert (model["not_above"], model["size_bytes"]) == ("SL4", None)
    assert "has a way outside" in model["because"]
    (stood,) = [one for one in model["measures"] if one["id"] == "RF.W14"]
    assert stood["facts"]


def test_an_attestation_counts_for_its_measure_model_and_role_only() -> None:
    counted = ceiling(GOOD, (Attested("RF.W08", "*", "security", "2027-12-31"),))
    assert counted.attested == 1
    assert ceiling(GOOD, (Attested("RF.W08", "model:other", "security", "2027-12-31"),)).attested == 0
    assert ceiling(GOOD, (Attested("RF.W08", "*", "people", "2027-12-31"),)).attested == 0
    assert counted.level == ceiling(GOOD).level, "a signature never raises what facts decide"


def signed(folder: Path, key: Ed25519PrivateKey, **changed: str) -> Path:
    """An attestation with its signature beside it."""
    said = {
        "format": "ringfence-attestation/1",
        "measure": "RF.W08",
        "model": "*",
        "role": "security",
        "statement": "attacked by an outside team, and repaired",
        "until": "2027-12-31",
    } | changed
    path = folder / "a.json"
    path.write_bytes(msgspec.json.encode(said))
    (folder / "a.json.sig").write_bytes(key.sign(path.read_bytes()))
    return path


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    made = Ed25519PrivateKey.generate()
    (tmp_path / "k.pem").write_bytes(made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return made


def test_a_signed_word_of_the_role_counts(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    counted, refused = attestations([signed(tmp_path, key)], {"security": tmp_path / "k.pem"}, TODAY, MODELS)
    assert [one.measure for one in counted] == ["RF.W08"]
    assert refused == []
    told = weights(estate_of(GOOD), [tmp_path / "a.json"], [f"security={tmp_path / 'k.pem'}"], TODAY)
    assert told["models"][0]["attested"] == [1, 8]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"until": "2027-02-28"}, "ended"),
        ({"measure": "RF.W01"}, "no measure"),
        ({"measure": "RF.W99"}, "no measure"),
        ({"role": "people"}, "may not attest"),
        ({"model": "model:elsewhere"}, "no model of this estate is called model:elsewhere"),
    ],
)
def test_what_does_not_count_says_why(
    tmp_path: Path, key: Ed25519PrivateKey, changed: dict[str, str], why: str
) -> None:
    counted, refused = attestations([signed(tmp_path, key, **changed)], {"security": tmp_path / "k.pem"}, TODAY, MODELS)
    assert counted == []
    assert why in refused[0].why


def test_a_word_for_one_model_of_the_estate_counts(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    counted, refused = attestations(
        [signed(tmp_path, key, model="model:m")], {"security": tmp_path / "k.pem"}, TODAY, MODELS
    )
    assert ([one.model for one in counted], refused) == (["model:m"], [])


@pytest.mark.parametrize(("model", "status"), [("*", 0), ("model:m", 0), ("model:elsewhere", 3)])
def test_an_attestation_that_does_not_count_is_named_and_ends_with_3(
    tmp_path: Path, key: Ed25519PrivateKey, capsys: pytest.CaptureFixture[str], model: str, status: int
) -> None:
    """Also one for a model that nobody knows here, which would else be passed over."""
    save(estate_of(GOOD), tmp_path / "m.estate")
    named = [
        "--attest",
        str(signed(tmp_path, key, model=model, until="2999-12-31")),
        "--role",
        f"security={tmp_path / 'k.pem'}",
    ]
    for more in ([], ["--json"]):
        assert (
            run(["threats", "--rand", *named, "--from", "host:a", "--estate", str(tmp_path / "m.estate"), *more])
            == status
        )
        assert ("a.json does not count" in capsys.readouterr().err) == (bool(status) and not more)


def test_one_changed_byte_or_another_key_does_not_count(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    path = signed(tmp_path, key)
    path.write_bytes(path.read_bytes().replace(b"repaired", b"regarded"))
    assert "signature" in attestations([path], {"security": tmp_path / "k.pem"}, TODAY, MODELS)[1][0].why
    path = signed(tmp_path, Ed25519PrivateKey.generate())
    assert "signature" in attestations([path], {"security": tmp_path / "k.pem"}, TODAY, MODELS)[1][0].why
    assert "no key is given" in attestations([path], {}, TODAY, MODELS)[1][0].why


def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    (tmp_path / "bad.json").write_bytes(b'{"format": 1}')
    with pytest.raises(InputError, match="no attestation"):
        attestations([tmp_path / "bad.json"], {}, TODAY, MODELS)
    with pytest.raises(UsageError, match="cannot be read"):
        attestations([tmp_path / "missing.json"], {}, TODAY, MODELS)
    (tmp_path / "no.pem").write_text("no key")
    with pytest.raises(UsageError, match="no public key"):
        attestations([], {"security": tmp_path / "no.pem"}, TODAY, MODELS)
    with pytest.raises(UsageError, match="names no role"):
        weights(estate_of(GOOD), [tmp_path / "a.json"], ["security"], TODAY)


def test_measures_have_one_id_each_and_facts_or_a_role_decide() -> None:
    assert len({one.id for one in MEASURES}) == len(MEASURES)
    assert all(bool(one.role) != bool(one.rests or one.hours) for one in MEASURES)
    assert {one.level for one in MEASURES} == {2, 3, 4, 5}


def test_hours_are_certain_only_where_no_attacker_carries_the_weights_off_by_moves(tmp_path: Path) -> None:
    """Such a way has no known speed, whatever is known of the holders' own."""
    calm = weights(estate_of(GOOD), [], [], TODAY)["models"][0]
    assert (calm["certain"], calm["hours_together"]) == (True, None)
    estate = ray_estate(tmp_path, "fires")
    kept = [one for name in PREDICATES for one in estate.facts(name)]
    sized = estate_of([*kept, Fact("model:lm7b", "size_bytes", "14")])
    (left,) = weights(sized, [], [], TODAY, ["network:internet"])["models"]
    assert [one["holder"] for one in left["hours"]] == ["host:gpu0001"], "its holder's own speed is known"
    assert not left["certain"]
    (kept_in,) = weights(sized, [], [], TODAY, ["model:lm7b#read"])["models"]
    assert kept_in["certain"], "from here nobody carries it off"
