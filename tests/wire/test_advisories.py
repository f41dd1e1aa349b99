"""CSAF, CVE records, the exploited list and exploit scores: read, bounded, and never more than an `InputError`."""

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.advisories import ranges
from ringfence.assess.advisories.index import Index
from ringfence.errors import InputError
from ringfence.wire import csaf, cve_record, epss, kev
from ringfence.wire.advisory import LONGEST, Advisory, Flaw, Named
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
    assert found.flaws[0].affected == (Named("", "Widget", "<1.2", "V"),)
    assert found.released == "2099-01-02"


def test_a_product_that_is_named_by_the_branch_and_versioned_by_its_own_name() -> None:
    """As NVIDIA writes: vendor, platform, product; the version is the product's name."""
    version = leaf("product_version", "Tesla", product_id="a", name="All driver versions prior to 1.2")
    platform = {"category": "architecture", "name": "Linux(R1)", "branches": [version]}
    found = csaf.read(
        document([{"category": "vendor", "name": "V", "branches": [platform]}], {"fixed": ["a", "unheard of"]})
    )
    assert found.flaws[0].fixed == (Named("Linux(R1)", "Tesla", "All driver versions prior to 1.2", "V"),)


def test_products_that_are_named_in_full_without_a_tree() -> None:
    """The version starts with the first word that can be of one."""
    full = {
        "a": "NVIDIA Container Toolkit 1.17.7",
        "b": "NVIDIA Container Toolkit <1.17.8",
        "c": "NVIDIA Container Toolkit All versions prior to 1.17.8",
        "d": "NVIDIA Container Toolkit",
    }
    names = [{"product_id": at, "name": name} for at, name in full.items()]
    found = csaf.read(tree({"full_product_names": names}, {"known_affected": [*full]})).flaws[0].affected
    assert {one.product for one in found} == {"NVIDIA Container Toolkit"}
    assert [one.version for one in found[:3]] == ["1.17.7", "<1.17.8", "All versions prior to 1.17.8"]
    assert ranges.read(found[3].version).spans is None


def tree(products: dict[str, Any], status: dict[str, Any]) -> bytes:
    made = json.loads(document([], status))
    return json.dumps(made | {"product_tree": products}).encode()


def relation(product: str, on: str, called: str) -> dict[str, Any]:
    return {
        "category": "installed_on",
        "product_reference": product,
        "relates_to_product_reference": on,
        "full_product_name": {"product_id": called, "name": f"{called} 9.9"},
    }


def test_a_product_on_another_is_that_product() -> None:
    """A relationship may refer to a later one; one into nothing is named by its own full name; circles end."""
    names = [{"product_id": "w", "name": "Widget 1.2"}, {"product_id": "os", "name": "Linux"}]
    relations = [
        *(relation("w on os", "os", "twice"), relation("w", "os", "w on os"), relation("gone", "os", "lost")),
        *(relation("round", "os", "about"), relation("about", "os", "round")),
    ]
    status = {"known_affected": ["w on os", "twice", "lost", "round"]}
    found = csaf.read(tree({"full_product_names": names, "relationships": relations}, status)).flaws[0].affected
    assert found[:3] == (
        Named("Linux", "Widget", "1.2"),
        Named("Linux", "Widget", "1.2"),
        Named("Linux", "lost", "9.9"),
    )
    assert len(found) == 4


def test_a_product_that_is_still_looked_into_is_neither_affected_nor_fixed() -> None:
    version = leaf("product_version", "Widget", product_id="a", name="1.2")
    flaw = csaf.read(document([version], {"under_investigation": ["a"]})).flaws[0]
    assert (flaw.affected, flaw.fixed, flaw.unclear) == ((), (), (Named("", "Widget", "1.2"),))


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


def record(*versions: dict[str, Any], default: str = "unknown", state: str = "PUBLISHED", **product: str) -> Flaw:
    """The flaw of a made CVE record about one product."""
    about = {"vendor": "NVIDIA", "product": "Widget", "defaultStatus": default, "versions": versions} | product
    made = {
        "cveMetadata": {"cveId": "CVE-2099-0001", "state": state},
        "containers": {"cna": {"affected": [about]}},
    }
    flaws = cve_record.read(json.dumps(made).encode()).flaws
    return flaws[0] if flaws else Flaw("", (), ())


def told(flaw: Flaw) -> dict[str, list[str]]:
    parts = {"affected": flaw.affected, "fixed": flaw.fixed, "unclear": flaw.unclear}
    return {kind: [one.version for one in named] for kind, named in parts.items() if named}


def test_what_a_record_does_not_list_has_its_default_status() -> None:
    """A record may name nothing but the versions without the flaw."""
    mended = {"version": "1.17.8", "lessThan": "*", "status": "unaffected"}
    assert told(record(mended, default="affected")) == {"affected": ["prior to 1.17.8"], "fixed": ["1.17.8 and later"]}
    assert told(record(default="affected")) == {"affected": ["all versions"]}
    assert told(record()) == {"unclear": ["all versions"]}
    assert told(record(mended)) == {"fixed": ["1.17.8 and later"], "unclear": ["prior to 1.17.8"]}
    assert told(record(mended, default="unaffected")) == {"fixed": ["1.17.8 and later"]}
    old = {"version": "0", "lessThan": "1.2", "status": "unaffected"}
    assert told(record(old, default="affected"))["affected"] == ["1.2 and later"]


def test_a_default_that_words_cannot_tell_stays_a_range_that_nobody_understands() -> None:
    """So that the verdict is unknown."""
    holes = ({"version": "1.2", "status": "unaffected"}, {"version": "1.4", "status": "unaffected"})
    (text,) = told(record(*holes, default="affected"))["affected"]
    assert ranges.read(text).spans is None


def test_a_range_is_cut_where_its_status_changes() -> None:
    changes = [{"at": "1.5", "status": "unaffected"}, {"at": "2.0", "status": "affected"}]
    whole = {"version": "1.0", "lessThan": "3.0", "status": "affected", "changes": changes}
    assert told(record(whole)) == {"affected": ["1.0 prior to 1.5", "2.0 prior to 3.0"], "fixed": ["1.5 prior to 2.0"]}
    backwards = whole | {"changes": changes[::-1]}
    assert any(ranges.read(text).spans is None for text in told(record(backwards))["affected"])


def test_ends_with_a_star() -> None:
    def of(**bounds: str) -> str:
        return told(record({"status": "affected", **bounds}))["affected"][0]

    assert of(version="0", lessThan="*") == "all versions"
    assert of(version="*") == "all versions"
    assert of(version="1.2", lessThanOrEqual="1.2.*") == "1.2 to 1.2.x"
    assert of(version="1.2", lessThan="1.2.*") == "1.2 to 1.2.x"


def test_a_rejected_record_says_nothing() -> None:
    assert told(record(default="affected", state="REJECTED")) == {}


@pytest.mark.parametrize(
    ("vendor", "product", "is_ours"),
    [
        ("Someone Else", "Ray", False),
        ("Raytheon", "Ray", False),
        ("anyscale", "Ray", True),
        ("ray-project", "ray-project/ray", True),
        ("n/a", "Ray", True),
        ("Tesla", "Tesla", False),
        ("NVIDIA Corporation", "NVIDIA Container Toolkit", True),
    ],
)
def test_another_vendor_s_product_of_the_same_name_is_not_ours(vendor: str, product: str, is_ours: bool) -> None:
    flaw = record(default="affected", vendor=vendor, product=product)
    index = Index((), [Advisory("CVE-2099-0001", "", "", (flaw,))])
    assert (index.foreign, sum(map(len, index.rows.values()))) == ((0, 1) if is_ours else (1, 0))


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
    name, value, _ = line.decode().split(",")
    assert f'"{name if name == "elephant" else value}"' in error.value.what


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
