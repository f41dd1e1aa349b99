"""CSAF, CVE records, the exploited list and exploit scores: read, bounded, and never more than an `InputError`."""

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.advisories.index import Index
from ringfence.errors import InputError
from ringfence.wire import csaf, cve_record, epss, kev
from ringfence.wire.advisory import LONGEST, Named
from tests.shared_data import shared

READERS = (csaf.read, cve_record.read, kev.read, epss.read)


def document(branches: list[Any], status: dict[str, Any], version: str = "2.0") -> bytes:
    return json.dumps(
        {
            "document": {
                "csaf_version": version,
                "tracking": {"id": "7", "initial_release_date": "2099-01-02T00:00:00Z"},
            },
            "product_tree": {"branches": branches},
            "vulnerabilities": [{"cve": "CVE-2099-0001", "product_status": status}],
        }
    ).encode()


def leaf(kind: str, called: str, **product: str) -> dict[str, Any]:
    return {"category": kind, "name": called, "product": product}


def test_a_product_that_is_named_by_the_version_branch() -> None:
    """As most publishers write: vendor, product, version."""
    version = leaf("product_version_range", "<1.2", product_id="a", name="Widget <1.2")
    vendor = {
        "category": "vendor",
        "name": "V",
        "branches": [{"category": "product_name", "name": "Widget", "branches": [version]}],
    }
    found = csaf.read(document([vendor], {"known_affected": ["a"]}))
    assert found.flaws[0].affected == (Named("", "Widget", "<1.2"),)
    assert found.released == "2099-01-02"


def test_a_product_that_is_named_by_the_branch_and_versioned_by_its_own_name() -> None:
    """As NVIDIA writes: vendor, platform, product; the version is the product's name."""
    version = leaf("product_version", "Tesla", product_id="a", name="All driver versions prior to 1.2")
    platform = {"category": "architecture", "name": "Linux(R1)", "branches": [version]}
    found = csaf.read(
        document([{"category": "vendor", "name": "V", "branches": [platform]}], {"fixed": ["a", "unheard of"]})
    )
    assert found.flaws[0].fixed == (Named("Linux(R1)", "Tesla", "All driver versions prior to 1.2"),)


def test_names_are_cleaned_and_cut() -> None:
    odd = leaf("product_version", "Te\x1b[31msla", product_id="a", name="9" * 5000)
    named = csaf.read(document([odd], {"known_affected": ["a"]})).flaws[0].affected[0]
    assert "\x1b" not in named.product
    assert len(named.version) <= LONGEST


def test_what_is_no_csaf_2_is_refused() -> None:
    with pytest.raises(InputError):
        csaf.read(document([], {}, version="1.0"))
    with pytest.raises(InputError):
        csaf.read(b'{"document": {}}')


def test_a_tree_that_is_nested_without_end_is_refused() -> None:
    deep = b'{"branches":[' * 200_000
    with pytest.raises(InputError):
        csaf.read(b'{"document":{"csaf_version":"2.0","tracking":{"id":"1"}},"product_tree":' + deep)


def test_more_products_than_any_publisher_has_are_refused() -> None:
    many = [leaf("product_version", "a", product_id=str(at)) for at in range(csaf.MOST_LEAVES + 1)]
    with pytest.raises(InputError, match="products"):
        csaf.read(document(many, {}))


def test_a_record_s_bounds_become_prose() -> None:
    record = {
        "cveMetadata": {"cveId": "CVE-2099-0001", "datePublished": "2099-01-01T00:00:00"},
        "containers": {
            "cna": {
                "affected": [
                    {
                        "product": "Widget",
                        "versions": [
                            {"version": "0", "lessThan": "1.2", "status": "affected"},
                            {"version": "2.0", "lessThanOrEqual": "2.4", "status": "affected"},
                            {"version": "2.5", "status": "unaffected"},
                        ],
                    }
                ]
            }
        },
    }
    flaw = cve_record.read(json.dumps(record).encode()).flaws[0]
    assert [one.version for one in flaw.affected] == ["prior to 1.2", "2.0 to 2.4"]
    assert [one.version for one in flaw.fixed] == ["2.5"]


def test_the_exploited_list_of_the_shared_data() -> None:
    found = kev.read((shared("kev") / "known_exploited_vulnerabilities.json").read_bytes())
    assert "CVE-2024-54085" in found.added
    assert "CVE-2025-23266" not in found.added


SCORES = b"#model_version:v2025.03.14,score_date:2025-09-01T12:55:00Z\ncve,epss,percentile\nCVE-2099-0001,0.25,0.9\n"


def test_exploit_scores_plain_and_gzipped() -> None:
    for data in (SCORES, gzip.compress(SCORES)):
        found = epss.read(data)
        assert found.date == "2025-09-01"
        assert found.probability == {"CVE-2099-0001": 0.25}


@pytest.mark.parametrize(
    "line", [b"CVE-2099-0001,1.5,0\n", b"CVE-2099-0001,nan,0\n", b"CVE-2099-0001,,0\n", b"elephant,0.1,0\n"]
)
def test_a_score_that_is_none_names_its_line(line: bytes) -> None:
    with pytest.raises(InputError) as error:
        epss.read(SCORES + line)
    assert error.value.line == 4


def test_a_gzip_that_swells_beyond_bounds_is_refused() -> None:
    with pytest.raises(InputError, match="MiB"):
        epss.read(gzip.compress(bytes(epss.MOST_BYTES + 10)))
    with pytest.raises(InputError, match="cut short"):
        epss.read(gzip.compress(SCORES * 1000)[:-20])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(st.one_of(st.binary(max_size=400), JSON.map(lambda value: json.dumps(value).encode())))
def test_whatever_the_bytes_every_reader_answers_or_refuses(data: bytes) -> None:
    for read in READERS:
        with suppress(InputError):
            read(data)


NAMES = st.sampled_from(("Tesla", "GeForce", "NVIDIA Container Toolkit", "ConnectX GA", "HGX, DGX Hopper", "NVOS"))
PLATFORMS = st.sampled_from(("Linux(R535)", "Windows(R535)", "Linux", "VBIOS", "ConnectX-7", "")) | st.text(max_size=20)
PROSE = st.text(alphabet="0123456789.x()-, priotandulgvs", max_size=60)


@given(st.lists(st.tuples(PLATFORMS, NAMES, PROSE), max_size=8))
def test_whatever_a_document_says_it_can_be_indexed(rows: list[tuple[str, str, str]]) -> None:
    tree = [
        {
            "category": "architecture",
            "name": platform,
            "branches": [leaf("product_version", name, product_id=str(at), name=text)],
        }
        for at, (platform, name, text) in enumerate(rows)
    ]
    index = Index([csaf.read(document(tree, {"known_affected": [str(at) for at in range(len(rows))]}))])
    assert sum(map(len, index.rows.values())) + index.foreign == len(rows)
