"""Every outside id of a check was found in the file that `sources` names for its kind."""

import re
from collections.abc import Mapping

import msgspec
import pytest

from ringfence.assess.check import Refs
from ringfence.assess.checks import CHECKS
from ringfence.assess.outside import CIS, D3FEND
from ringfence.assess.sources import NOTED_CVES, SOURCES, unsourced
from ringfence.wire.oscal import control
from tests.shared_data import shared


def of(kind: str) -> set[str]:
    return {name for check in CHECKS for name in getattr(check.refs, kind)}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_no_check_names_an_id_without_a_source(check: object) -> None:
    assert list(unsourced(check)) == []


@pytest.mark.parametrize(
    "refs", [Refs(d3fend=("D3-XYZ",)), Refs(cis=("Kubernetes 9.9.9",)), Refs(nist=("AC-999",))], ids=str
)
def test_an_id_that_was_read_in_no_file_is_told(refs: Refs) -> None:
    made_up = msgspec.structs.replace(CHECKS[0], refs=refs)
    assert len(list(unsourced(made_up))) == 1


@pytest.mark.parametrize(("kind", "table"), [("d3fend", D3FEND), ("cis", CIS)])
def test_what_was_read_of_d3fend_and_cis_is_what_checks_name(kind: str, table: Mapping[str, str]) -> None:
    assert of(kind) == set(table)
    assert all(table.values())


def test_d3fend_ids_are_written_as_d3fend_writes_them() -> None:
    assert all(re.fullmatch(r"D3-[A-Z]{2,8}", name) for name in D3FEND)


def test_cis_ids_name_the_benchmark_and_the_number() -> None:
    assert all(re.fullmatch(r"(Kubernetes|Linux) \d(\.\d{1,2}){2}", name) for name in CIS)


def test_atlas_ids_are_in_the_file_of_atlas() -> None:
    """In the version that is named."""
    text = shared("atlas/ATLAS.yaml").read_text("utf-8")
    assert f"\nversion: {SOURCES['atlas'].version}\n" in text
    techniques = set(re.findall(r"\bid: (AML\.T\d{4}(?:\.\d{3})?)\n", text))
    assert of("atlas")
    assert of("atlas") <= techniques


def test_attack_ids_are_tags_of_sigma_rules() -> None:
    """Or the technique of a sub-technique that is one."""
    text = "\n".join(path.read_text("utf-8") for path in shared("sigma/rules").rglob("*.yml"))
    text += "\n".join(path.read_text("utf-8") for path in shared("sigma/rules-emerging-threats").rglob("*.yml"))
    tags = {tag.upper() for tag in re.findall(r"attack\.(t\d{4}(?:\.\d{3})?)\b", text)}
    tags |= {tag.partition(".")[0] for tag in tags}
    assert of("attack")
    assert of("attack") <= tags


def test_cves_are_in_a_list_at_hand_or_noted() -> None:
    names = {path.stem for path in shared("csaf").rglob("CVE-*.json")}
    text = shared("kev/known_exploited_vulnerabilities.json").read_text("utf-8")
    text += shared("atlas/ATLAS.yaml").read_text("utf-8")
    assert of("cve") <= names | NOTED_CVES | set(re.findall(r"CVE-\d{4}-\d+", text))


def test_nist_ids_are_written_as_oscal_can_say_them() -> None:
    assert all(control(name) for name in of("nist"))
