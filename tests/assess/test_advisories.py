"""Verdicts on hardware advisories: against the real bulletins, by hand and by another way, and on made ones."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from ringfence.app.assess.advisories import ask
from ringfence.app.questions import Questions
from ringfence.app.survey import survey_tree
from ringfence.assess.advisories import driver, plain
from ringfence.assess.advisories.by_table import judge as by_table
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.judge import NOTHING, Finding, Standing, facts, findings
from ringfence.assess.advisories.verdict import Install, Judged, Verdict
from ringfence.collect.base import Scope
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.wire import csaf
from ringfence.wire.advisory import Advisory, Flaw, Named
from tests.assess.bulletins import held_against
from tests.shared_data import shared

GOLDEN = Path(__file__).parent / "golden_advisories.json"


@pytest.fixture(scope="module")
def bulletins() -> Index:
    """Every bulletin of the shared folder."""
    return Index([csaf.read(path.read_bytes()) for path in _documents()])


def _documents() -> list[Path]:
    found = [path for path in sorted(shared("csaf").rglob("*.json")) if csaf.is_csaf(path.read_bytes())]
    assert found
    return found


def captures(folder: Path) -> Estate:
    """The ten real nvidia-smi captures, each as the capture of a host of its name."""
    for path in sorted(shared("nvidia-smi").glob("*.xml")):
        at = folder / "hosts" / path.stem / "nvidia-smi.xml"
        at.parent.mkdir(parents=True)
        at.write_bytes(path.read_bytes())
    return survey_tree(folder, Scope()).estate


def test_the_ten_captures_get_the_verdicts_that_a_person_read_in_the_bulletins(tmp_path: Path) -> None:
    """The golden file was checked against the bulletins' own tables; it holds ids, verdicts and versions only."""
    answer = ask(captures(tmp_path), shared("csaf"))
    assert answer.problems == ()
    assert shown(answer.findings) == json.loads(GOLDEN.read_text("utf-8"))


def shown(found: Iterable[Finding]) -> dict[str, object]:
    """Host → what was judged and how, in the golden file's shape."""
    return {
        one.of.entities[0].removeprefix("host:"): {
            "driver": one.of.install.version,
            "system": one.of.install.system,
            "line": one.of.install.line,
            "answered": one.judged.answered,
            "verdicts": {
                str(kind): {said.cve: [said.advisory, said.fixed] for said in one.judged.of(kind)}
                for kind in Verdict
                if one.judged.of(kind)
            },
        }
        for one in sorted(found, key=lambda one: one.of.entities)
        if one.of.install.product == "gpu-driver"
    }


def counted(index: Index, version: str, line: str, system: str = "linux") -> Counter[str]:
    """How many flaws of each verdict."""
    return Counter(str(said.verdict) for said in judged(index, version, line, system).said)


def judged(index: Index, version: str, line: str, system: str = "linux") -> Judged:
    return driver.judge(index, Install("gpu-driver", version, system, line))


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("535.54.03", "Tesla"),
        ("535.183.01", "Tesla"),
        ("550.90.07", "Tesla"),
        ("570.124.04", "GeForce"),
        ("570.86.15", "Tesla"),
        ("580.95.05", "RTX"),
        ("470.239.05", "RTX"),
    ],
)
def test_affected_is_what_the_raw_documents_say_read_without_our_parsers(
    bulletins: Index, version: str, line: str
) -> None:
    """A second way: the documents as plain JSON, product ids split at underscores."""
    ours = {said.cve for said in judged(bulletins, version, line).of(Verdict.AFFECTED)}
    assert ours == _raw(version, line)


def _raw(version: str, line: str) -> set[str]:
    slug = {"Tesla": "tesla", "GeForce": "geforce", "RTX": "nvidia_rtx_quadro_nvs"}[line]
    mine = [int(part) for part in version.split(".")]
    start = f"linuxr{mine[0]}_{slug}_all_driver_version"
    found = set()
    for path in _documents():
        for flaw in json.loads(path.read_bytes())["vulnerabilities"]:
            for name in flaw["product_status"].get("known_affected", []):
                if name.startswith(start) and mine < [int(part) for part in name.rpartition("prior_to_")[2].split("_")]:
                    found.add(flaw["cve"])
    return found


def test_a_branch_that_later_bulletins_leave_out_is_unsupported_and_not_clean(bulletins: Index) -> None:
    """515 is named nowhere; 550 was named until April 2025; 535 and 580 still are."""
    assert counted(bulletins, "515.105.01", "Tesla") == {"unsupported branch": 21}
    assert counted(bulletins, "550.163.01", "Tesla") == {"fixed": 13, "unsupported branch": 8}
    assert counted(bulletins, "580.95.05", "Tesla") == {"fixed": 21}
    assert counted(bulletins, "535.274.02", "Tesla") == {"fixed": 21}


def test_a_branch_newer_than_all_known_is_unknown_and_says_what_is_missing(bulletins: Index) -> None:
    """It is a hole in the coverage, so no check passes on it."""
    found = judged(bulletins, "595.58.03", "GeForce")
    assert not found.answered
    assert found.said == ()
    assert "R595" in found.reason


def test_fixed_versions_that_one_threshold_for_all_branches_would_flag(bulletins: Index) -> None:
    """550.90.07 and 535.183.01 are what bulletin 5551 fixes; 555.58 is above both and got its own."""
    for version in ("550.90.07", "535.183.01"):
        verdicts = {said.cve: said for said in judged(bulletins, version, "Tesla").said}
        assert {verdicts[cve].verdict for cve in ("CVE-2024-0090", "CVE-2024-0091", "CVE-2024-0092")} == {Verdict.FIXED}
    assert judged(bulletins, "550.90.06", "Tesla").of(Verdict.AFFECTED)


def test_a_windows_driver_belongs_to_the_branch_whose_versions_the_bulletins_name(bulletins: Index) -> None:
    assert bulletins.branches.of("windows", (536, 40)) == 535
    assert bulletins.branches.of("windows", (539, 41)) == 535
    assert bulletins.branches.of("windows", (577,)) == 575
    assert bulletins.branches.of("windows", (546, 33)) is None
    assert not judged(bulletins, "546.33", "Tesla", "windows").answered


def test_a_driver_of_an_unknown_line_is_decided_only_where_all_lines_agree(bulletins: Index) -> None:
    """R570 differs by one digit between Tesla and the others."""
    assert counted(bulletins, "580.95.05", "")["fixed"] == 21
    apart = judged(bulletins, "570.86.15", "")
    assert {said.missing for said in apart.of(Verdict.UNKNOWN)} == {driver.LINE}
    assert Counter(said.advisory for said in apart.of(Verdict.UNKNOWN))["5614"] > 0


def toolkit(index: Index, version: str, **known: str) -> dict[str, str]:
    found = plain.judge(index, Install("container-toolkit", version, "linux", facts=tuple(known.items())))
    return {said.cve: str(said.verdict) for said in found.said}


def test_toolkit_verdicts_follow_version_and_mode(bulletins: Index) -> None:
    """CVE-2025-23266: in every mode from 1.17.5 on, only under CDI before."""
    nvidiascape = "CVE-2025-23266"
    assert toolkit(bulletins, "1.17.8")[nvidiascape] == "fixed"
    assert toolkit(bulletins, "1.17.7-1")[nvidiascape] == "affected"
    assert toolkit(bulletins, "1.17.7", cdi="off")[nvidiascape] == "affected"
    assert toolkit(bulletins, "1.17.4")[nvidiascape] == "unknown"
    assert toolkit(bulletins, "1.17.4", cdi="on")[nvidiascape] == "affected"
    assert toolkit(bulletins, "1.17.4", cdi="off")[nvidiascape] == "fixed"


def test_flaws_that_the_bulletins_except_cdi_from(bulletins: Index) -> None:
    assert toolkit(bulletins, "1.16.1", cdi="off")["CVE-2024-0132"] == "affected"
    assert toolkit(bulletins, "1.16.1", cdi="on")["CVE-2024-0132"] == "fixed"
    assert toolkit(bulletins, "1.17.3", cdi="off")["CVE-2025-23359"] == "affected"
    assert toolkit(bulletins, "1.17.0")["CVE-2024-0136"] == "unknown"
    assert toolkit(bulletins, "v1.16.2")["CVE-2024-0132"] == "fixed"


def test_where_the_mode_is_not_known_the_default_counts_and_cdi_is_asked_for(bulletins: Index) -> None:
    """5582 and 5616 name the default configuration, and spare CDI; 5659 comes with CDI in these versions."""
    found = {one.cve: one for one in plain.judge(bulletins, Install("container-toolkit", "1.16.1", "linux")).said}
    for cve in ("CVE-2024-0132", "CVE-2025-23359"):
        assert (found[cve].verdict, found[cve].missing) == ("affected", "")
        assert "default configuration" in found[cve].because
    assert found["CVE-2025-23266"].verdict == "unknown"
    assert "CDI" in found["CVE-2025-23266"].missing


@pytest.mark.parametrize("version", ["22.05.1", "23.02.1", "24.05.1"])
def test_a_release_series_is_written_as_its_maker_does(version: str) -> None:
    """Year and month."""
    told = {said.because for said in by_table(Install("slurm", version)).of(Verdict.UNSUPPORTED)}
    assert told
    assert all(because.startswith(f"{version[:5]} got no fix") for because in told)


@pytest.mark.parametrize(("product", "models"), [("ray", ()), ("bmc", ("megarac",))])
def test_a_flaw_without_a_fixed_version_says_so_and_names_none(product: str, models: tuple[str, ...]) -> None:
    (said,) = by_table(Install(product, "2.9.0", models=models)).said
    assert (said.range, said.fixed) == ("no fixed version is known", "")


def test_a_distribution_s_old_slurm_may_carry_the_fix() -> None:
    """A package's number does not tell what its maintainers mended."""
    found = {said.cve: said for said in by_table(Install("slurm", "23.11.4-1.2ubuntu5", source="deb")).said}
    assert found["CVE-2025-43904"].verdict is Verdict.UNKNOWN
    assert "package" in found["CVE-2025-43904"].missing


def advisory(number: str, day: str, **branches: str) -> Advisory:
    """A made bulletin that names `R…="fixed version"` for Tesla on Linux."""
    affected = tuple(
        Named(f"Linux({name})", "Tesla", f"All driver versions prior to {fix}") for name, fix in branches.items()
    )
    fixed = tuple(Named(f"Linux({name})", "Tesla", fix) for name, fix in branches.items())
    return Advisory(number, "", day, (Flaw(f"CVE-2099-{number}", affected, fixed),))


def test_a_branch_that_one_bulletin_skips_and_a_later_one_names_is_not_unsupported() -> None:
    """The publisher still looks at it."""
    index = Index(
        [
            advisory("1001", "2099-01-01", R10="10.5", R20="20.5"),
            advisory("1002", "2099-02-01", R20="20.6"),
            advisory("1003", "2099-03-01", R10="10.7", R20="20.7"),
        ]
    )
    verdicts = {said.cve: str(said.verdict) for said in judged(index, "10.7", "Tesla").said}
    assert set(verdicts.values()) == {"fixed"}


def test_a_branch_born_after_a_bulletin_does_not_have_its_flaws() -> None:
    index = Index([advisory("1001", "2099-01-01", R10="10.5"), advisory("1002", "2099-02-01", R20="20.6")])
    verdicts = {said.cve: str(said.verdict) for said in judged(index, "20.6", "Tesla").said}
    assert verdicts == {"CVE-2099-1001": "fixed", "CVE-2099-1002": "fixed"}


def test_a_short_branch_between_two_is_unsupported_once_it_is_left_out() -> None:
    """Named once, then only older and newer ones are: it is not newer than what the last bulletin knew."""
    index = Index(
        [
            advisory("1001", "2099-01-01", R10="10.5", R15="15.2"),
            advisory("1002", "2099-02-01", R10="10.6"),
            advisory("1003", "2099-03-01", R10="10.7", R20="20.7"),
        ]
    )
    verdicts = {said.cve: str(said.verdict) for said in judged(index, "15.9", "Tesla").said}
    assert verdicts == {
        "CVE-2099-1001": "fixed",
        "CVE-2099-1002": "unsupported branch",
        "CVE-2099-1003": "unsupported branch",
    }


def test_a_cve_record_speaks_only_where_no_advisory_does() -> None:
    """Both name the driver's flaw; only the record knows the toolkit."""
    record = Advisory(
        "CVE-2099-1001",
        "",
        "2099-01-01",
        (
            Flaw(
                "CVE-2099-1001",
                (
                    Named("Linux(R10)", "Tesla", "All driver versions prior to 10.9"),
                    Named("Linux", "NVIDIA Container Toolkit", "prior to 2.0"),
                ),
                (),
            ),
        ),
    )
    index = Index([advisory("1001", "2099-01-01", R10="10.5", R20="20.5")], [record])
    assert {str(said.verdict) for said in judged(index, "10.6", "Tesla").said} == {"fixed"}
    assert {said.advisory for said in plain.judge(index, Install("container-toolkit", "1.9", "linux")).said} == {
        "CVE-2099-1001"
    }


def test_a_flaw_that_is_still_looked_into_is_unknown() -> None:
    """Within the range; a driver's as a toolkit's. What a record knows for sure stands above it."""
    named = Named("Linux", "NVIDIA Container Toolkit", "<1.17.8")
    card = Named("Linux(R10)", "Tesla", "All driver versions prior to 10.5")
    open_ = Advisory("9", "", "2099-01-01", (Flaw("CVE-2099-0009", (), (), (named, card)),))
    index = Index([open_])
    (said,) = plain.judge(index, Install("container-toolkit", "1.17.7", "linux")).said
    assert (str(said.verdict), said.missing.partition(":")[0]) == ("unknown", "what 9 finds")
    assert toolkit(index, "1.17.8") == {"CVE-2099-0009": "fixed"}
    assert counted(index, "10.4", "Tesla") == {"unknown": 1}
    sure = Index([open_], [Advisory("CVE-2099-0009", "", "", (Flaw("CVE-2099-0009", (named,), ()),))])
    assert toolkit(sure, "1.17.7") == {"CVE-2099-0009": "affected"}


def node(version: str, **settings: str) -> list[Fact]:
    return [
        Fact("host:n1", "runs_software", "package:generic/nvidia-container-toolkit", {"version": version}, "x", 1.0),
        Fact("job:j1", "runs_on", "host:n1"),
        Fact("job:j1", "uses_image", "image:docker.io/someone/thing:1"),
        *(Fact("host:n1", "setting", f"{name.replace('_', '.')}={value}") for name, value in settings.items()),
    ]


def drivers(*found: Fact) -> dict[str, str]:
    """Host → why its driver was not judged."""
    judged = findings(estate_of(list(found)), Index([advisory("1001", "2099-01-01", R10="10.5")]))
    return {one.of.entities[0]: one.judged.reason for one in judged if one.of.install.product == "gpu-driver"}


def test_a_host_with_a_gpu_and_no_known_driver_is_told_as_unknown() -> None:
    """Whatever is known of the card; parts of a card are no cards, and other makers' have another driver."""
    version = Fact("host:n1", "runs_software", "package:nvidia-driver", {"version": "10.5"})
    card = Fact("host:n1", "has_gpu", "gpu:a", {"model": "NVIDIA A10"})
    assert drivers(Fact("host:n1", "has_gpu", "gpu:a")) == {"host:n1": "driver version"}
    assert drivers(card) == {"host:n1": "driver version"}
    assert drivers(card, version) == {"host:n1": ""}
    assert drivers(card, Fact("host:n1", "runs_software", "package:nvidia-driver")) == {"host:n1": "driver version"}
    piece = (Fact("gpu:m", "part_of", "gpu:a"), Fact("host:n2", "has_gpu", "gpu:m"))
    assert drivers(*piece) == {}
    alias = Fact("gpu:n1/0", "same_as", "gpu:b")
    assert drivers(Fact("host:n1", "has_gpu", "gpu:n1/0"), alias, Fact("gpu:b", "setting", "vendor=amd")) == {}
    assert drivers(Fact("host:n1", "has_gpu", "gpu:i", {"model": "AMD Instinct MI300X"})) == {}


@pytest.mark.parametrize("where", ["container:k8s/system/plugin/main", "host:n1", "cluster:k8s"])
def test_a_device_plugin_s_strategy_may_be_stated_for_it_its_host_or_its_cluster(bulletins: Index, where: str) -> None:
    plugin = "container:k8s/system/plugin/main"
    there = [
        Fact(plugin, "uses_image", "image:nvcr.io/nvidia/k8s-device-plugin:v0.17.1"),
        Fact(plugin, "runs_on", "host:n1"),
        Fact("host:n1", "in_cluster", "cluster:k8s"),
    ]
    assert told(estate_of(there), bulletins)["CVE-2025-23266"].attributes["verdict"] == "unknown"
    by_cdi = Fact(where, "setting", "device-list-strategy=cdi-annotations")
    assert told(estate_of([*there, by_cdi]), bulletins)["CVE-2025-23266"].attributes["verdict"] == "affected"
    plain_list = Fact(where, "setting", "device-list-strategy=envvar")
    assert "CVE-2025-23266" not in told(estate_of([*there, plain_list]), bulletins)


def told(estate: Estate, index: Index, standing: Standing = NOTHING) -> dict[str, Fact]:
    found = list(facts(findings(estate, index), standing, 5.0))
    return {fact.object: fact for fact in found if fact.predicate == "vulnerable_to"}


def test_facts_are_there_for_all_but_fixed_flaws_and_give_only_where_affected(bulletins: Index) -> None:
    """Moves fire on what a fact gives: a fixed flaw is no fact, an unknown one gives nothing."""
    found = told(estate_of(node("1.17.4")), bulletins)
    assert "CVE-2024-0132" not in found
    assert found["CVE-2025-23266"].attributes["verdict"] == "unknown"
    assert "gives" not in found["CVE-2025-23266"].attributes
    sure = told(estate_of(node("1.17.4", toolkit_mode="cdi")), bulletins)["CVE-2025-23266"]
    assert sure.attributes["gives"] == "container-escape"
    assert sure.attributes["fixed"] == "1.17.8"


def test_coverage_says_what_was_judged_and_what_could_not_be(bulletins: Index) -> None:
    estate = estate_of(
        [
            *node("1.17.8"),
            Fact("host:n2", "runs_software", "package:nvidia-driver", {"version": "595.1"}),
            Fact("host:n2", "has_gpu", "gpu:g", {"model": "NVIDIA H100 80GB HBM3"}),
            Fact("gpu:g", "runs_firmware", "firmware:v/96", {"version": "96.00.99", "name": "NVIDIA H100 vbios"}),
            Fact("host:n3", "has_gpu", "gpu:p", {"model": "NVIDIA H100 PCIe"}),
            Fact("gpu:p", "runs_firmware", "firmware:v/96", {"version": "96.00.30", "name": "NVIDIA H100 vbios"}),
        ]
    )
    asked = {
        (fact.subject, fact.object): fact.attributes
        for fact in facts(findings(estate, bulletins))
        if fact.predicate == "asked"
    }
    assert asked["host:n1", "advisories/container-toolkit"] == {"answered": True}
    assert asked["host:n2", "advisories/gpu-driver"]["answered"] is False
    assert asked["gpu:g", "advisories/vbios"]["answered"] is False
    assert asked["gpu:p", "advisories/vbios"]["answered"] is False


def test_exploited_flaws_and_their_odds_stand_beside_the_verdict(bulletins: Index) -> None:
    standing = Standing(frozenset({"CVE-2025-23266"}), {"CVE-2025-23266": 0.25}, has_kev=True)
    found = told(estate_of(node("1.17.7")), bulletins, standing)
    assert found["CVE-2025-23266"].attributes["kev"] is True
    assert found["CVE-2025-23266"].attributes["epss"] == 0.25
    assert found["CVE-2025-23267"].attributes["kev"] is False


def test_a_move_rests_on_a_flaw_only_where_it_is_there() -> None:
    """The toolkit's escape: on an affected node, not on one where nothing tells."""
    opened = {
        version: _root_of_n1(held_against(estate_of(node(version)), shared("csaf")))
        for version in ("1.17.7", "1.17.4", "1.17.8")
    }
    assert opened == {"1.17.7": True, "1.17.4": False, "1.17.8": False}


def _root_of_n1(estate: Estate) -> bool:
    return any(move["to"] == "host:n1#root" and move["from"] == ["job:j1#code"] for move in Questions(estate).moves())


def test_asking_twice_leaves_one_answer() -> None:
    """Later advisories take the place of earlier ones."""
    once = held_against(estate_of(node("1.17.7")), shared("csaf"))
    again = held_against(once, shared("csaf"))
    assert _said(again) == _said(once)


def _said(estate: Estate) -> set[tuple[str, str, str]]:
    return {(fact.subject, fact.predicate, fact.object) for fact in estate.facts()}


def test_verdicts_are_values() -> None:
    """They can be written and read."""
    found = by_table(Install("slurm", "24.05.1"))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Judged) == found
