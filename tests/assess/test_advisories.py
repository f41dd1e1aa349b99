"""Verdicts on hardware advisories: against the real bulletins, by hand and by another way, and on made ones."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from ringfence.app.assess.advisories import ask, enriched
from ringfence.app.questions import Questions
from ringfence.app.survey import survey_tree
from ringfence.assess.advisories import driver, plain
from ringfence.assess.advisories.by_table import judge as by_table
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.installed import classes
from ringfence.assess.advisories.judge import NOTHING, Finding, Standing, facts, findings
from ringfence.assess.advisories.verdict import Install, Judged, Verdict
from ringfence.collect.base import Scope
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.wire import csaf
from ringfence.wire.advisory import Advisory, Flaw, Named
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


def test_one_missing_fact_gives_one_verdict_whichever_way_cdi_counts(bulletins: Index) -> None:
    """5582 and 5616 spare CDI, 5659 comes with it; where the mode is not known all three say so, by the same name."""
    found = plain.judge(bulletins, Install("container-toolkit", "1.16.1", "linux")).said
    asked = {"CVE-2024-0132", "CVE-2025-23359", "CVE-2025-23266"}
    by_mode = {one.cve: (str(one.verdict), one.missing) for one in found if one.cve in asked}
    assert by_mode == dict.fromkeys(asked, ("unknown", "whether devices are given to containers by CDI (toolkit.mode)"))


def test_a_device_plugin_is_unknown_until_its_strategy_is(bulletins: Index) -> None:
    def said(**known: str) -> str:
        install = Install("device-plugin", "v0.17.1", "linux", facts=tuple(known.items()))
        return {one.cve: str(one.verdict) for one in plain.judge(bulletins, install).said}["CVE-2025-23266"]

    assert said() == "unknown"
    assert said(**{"device-list-strategy": "cdi-annotations"}) == "affected"
    assert said(**{"device-list-strategy": "envvar"}) == "fixed"


@pytest.mark.parametrize("product", ["container-toolkit", "gpu-operator", "device-plugin"])
def test_crun_is_spared_by_the_one_flaw_of_which_the_bulletin_says_so(bulletins: Index, product: str) -> None:
    """5659: CVE-2025-23266 does not concern systems with crun, CVE-2025-23267 does."""
    version = {"container-toolkit": "1.17.7", "gpu-operator": "25.3.0", "device-plugin": "0.17.1"}[product]
    by = {"crun": "", "runc": ""}
    for runtime in by:
        facts_ = (("cdi", "on"), ("device-list-strategy", "cdi-annotations"), ("low-level-runtime", runtime))
        found = plain.judge(bulletins, Install(product, version, "linux", facts=facts_))
        by[runtime] = next(str(said.verdict) for said in found.said if said.cve == "CVE-2025-23266")
    assert by == {"crun": "fixed", "runc": "affected"}


@pytest.mark.parametrize("where", ["host:n1", "cluster:c1"])
def test_crun_may_be_stated_of_the_host_or_its_cluster(bulletins: Index, where: str) -> None:
    there = [*node("1.17.7"), Fact("host:n1", "in_cluster", "cluster:c1")]
    assert told(estate_of(there), bulletins).keys() >= {"CVE-2025-23266", "CVE-2025-23267"}
    by_crun = told(estate_of([*there, Fact(where, "setting", "low-level-runtime=crun")]), bulletins)
    assert "CVE-2025-23266" not in by_crun
    assert by_crun["CVE-2025-23267"].attributes["verdict"] == "affected"


@pytest.mark.parametrize(
    ("version", "line", "verdict"),
    [
        ("535.261.04", "Virtual GPU Manager, vGPU", "affected"),
        ("535.261.05", "Virtual GPU Manager, vGPU", "fixed"),
        ("535.261.03", "Guest driver, vGPU", "affected"),
        ("535.261.04", "Guest driver, vGPU", "fixed"),
        ("580.82.07", "Guest driver, gaming", "affected"),
        ("580.82.08", "Guest driver, gaming", "fixed"),
        ("550.163.02", "Virtual GPU Manager, vGPU", "unsupported branch"),
        ("535.274.01", "Tesla", "affected"),
    ],
)
def test_vgpu_drivers_are_judged_by_their_own_versions(bulletins: Index, version: str, line: str, verdict: str) -> None:
    """CVE-2025-23282 in bulletin 5703: managers to 535.261.04 (16.11), guests to 535.261.03, cards below 535.274.02."""
    found = {said.cve: str(said.verdict) for said in judged(bulletins, version, line).said}
    assert found["CVE-2025-23282"] == verdict


def test_a_vgpu_driver_whose_release_is_not_told_is_decided_only_where_both_agree(bulletins: Index) -> None:
    """Both releases of R580 are affected up to 580.82.07; of R570 the bulletin names no gaming one."""
    both = {said.cve: said for said in judged(bulletins, "580.82.07", "Guest driver").said}
    assert both["CVE-2025-23282"].verdict is Verdict.AFFECTED
    one = {said.cve: said for said in judged(bulletins, "570.172.07", "Guest driver").said}
    assert one["CVE-2025-23282"].verdict is Verdict.UNKNOWN
    assert "vgpu-release" in one["CVE-2025-23282"].missing


def test_how_a_card_is_shown_says_whose_driver_it_is() -> None:
    """A host of vGPUs has the manager's driver, not its card's; a guest's brand, or a person, names the release."""
    assert line_of_driver("none", "tesla") == "Tesla"
    assert line_of_driver("host vgpu", "tesla") == "Virtual GPU Manager"
    assert line_of_driver("host vgpu", "tesla", "vgpu-release=gaming") == "Virtual GPU Manager, gaming"
    assert line_of_driver("vgpu", "nvidia rtx virtual workstation") == "Guest driver, vGPU"
    assert line_of_driver("vgpu", "nvidia cloud gaming") == "Guest driver, gaming"
    assert line_of_driver("vgpu", "nvidia") == "Guest driver"


def line_of_driver(virtualization: str, brand: str, *stated: str) -> str:
    """The product line of a host's driver, by what is set of its card and stated of the host."""
    about = [f"virtualization={virtualization}", f"brand={brand}"]
    there = [
        Fact("host:n1", "runs_software", "package:nvidia-driver", {"version": "535.1"}),
        Fact("host:n1", "has_gpu", "gpu:a", {"model": "NVIDIA A10"}),
        *(Fact("gpu:a", "setting", one) for one in about),
        *(Fact("host:n1", "setting", one) for one in stated),
    ]
    (driven,) = [one.install for one in classes(estate_of(there)) if one.install.product == "gpu-driver"]
    return driven.line


def test_branches_of_vgpus_do_not_end_those_of_cards(bulletins: Index) -> None:
    """A vGPU bulletin that names a newer branch says nothing of cards, nor the other way round."""
    linux = bulletins.branches.issues
    assert {line for issue in linux["linux"] for line in issue.flaws} == {"GeForce", "RTX", "Tesla"}
    assert all("," in line for issue in linux["linux vgpu"] for line in issue.flaws)


@pytest.mark.parametrize(
    ("maker", "reason"),
    [
        ("firmware:openbmc-bmc/2.14", "an advisory about openbmc"),
        ("firmware:dell-idrac9/7.0", "an advisory about idrac"),
        ("firmware:contoso-bmc/1.2", "whose firmware the controller runs: AMI's MegaRAC, or another maker's"),
    ],
)
def test_a_controller_of_whatever_maker_is_told(bulletins: Index, maker: str, reason: str) -> None:
    (found,) = findings(
        estate_of([Fact("bmc:n1", "runs_firmware", maker, {"version": "7.0", "name": "bmc"})]), bulletins
    )
    assert (found.judged.answered, found.judged.reason) == (False, reason)


def test_controllers_of_ami_and_of_a_dgx_a100_are_judged(bulletins: Index) -> None:
    """The first by the own table, the second by bulletin 5510: every version before 00.22.05."""

    def flaws(firmware: str, version: str, *more: Fact) -> dict[str, str]:
        about = {"version": version, "name": "bmc"}
        estate = estate_of([Fact("bmc:n1", "runs_firmware", firmware, about), *more])
        return {said.cve: str(said.verdict) for one in findings(estate, bulletins) for said in one.judged.said}

    assert flaws("firmware:american-megatrends-x/13.2", "13.2") == {"CVE-2024-54085": "unknown"}
    dgx = (Fact("host:n1", "managed_by", "bmc:n1"), Fact("host:n1", "labelled", "model=DGXA100 920-23687-2530-000"))
    assert set(flaws("firmware:bmc/00.22.04", "00.22.04", *dgx).values()) == {"affected"}
    assert set(flaws("firmware:bmc/00.22.05", "00.22.05", *dgx).values()) == {"fixed"}


@pytest.mark.parametrize(
    ("fact", "product"),
    [
        (Fact("host:n1", "runs_software", "package:deb/nvidia-container-toolkit"), "container-toolkit"),
        (Fact("host:n1", "runs_software", "package:deb/slurm-wlm"), "slurm"),
        (Fact("container:c", "uses_image", "image:docker.io/rayproject/ray:latest"), "ray"),
        (Fact("container:c", "uses_image", "image:reg:5000/nvidia/tritonserver"), "triton"),
        (Fact("container:c", "uses_image", "image:reg:5000/ray@sha256:12"), "ray"),
    ],
)
def test_what_is_there_in_a_version_that_no_fact_says_is_unknown_and_not_dropped(
    bulletins: Index, fact: Fact, product: str
) -> None:
    (found,) = findings(estate_of([fact]), bulletins)
    assert (found.of.install.product, found.judged.answered, found.judged.reason) == (product, False, "its version")


def test_a_version_that_another_fact_says_counts(bulletins: Index) -> None:
    bare = Fact("host:n1", "runs_software", "package:deb/nvidia-container-toolkit")
    known = Fact("host:n1", "runs_software", "package:generic/nvidia-container-toolkit", {"version": "1.17.8"})
    (found,) = findings(estate_of([bare, known]), bulletins)
    assert found.judged.answered


def test_what_no_table_knows_is_counted_by_its_name(bulletins: Index) -> None:
    assert bulletins.others["NVIDIA CUDA Toolkit"] == 32
    assert bulletins.foreign == sum(bulletins.others.values())
    assert "Virtual GPU Manager" not in bulletins.others


@pytest.mark.parametrize(
    ("firmware", "affected", "fixed"),
    [
        ("28.41.1000", {"CVE-2025-23262", "CVE-2025-23299"}, {"CVE-2024-0105"}),
        ("28.39.3560", {"CVE-2025-23299"}, {"CVE-2024-0105"}),
        ("28.39.5050", set(), {"CVE-2024-0105", "CVE-2025-23299"}),
        ("28.43.3608", set(), {"CVE-2025-23299"}),
        ("28.46.1006", set(), {"CVE-2025-23299"}),
        ("12.28.2302", {"CVE-2025-23262"}, {"CVE-2024-0105"}),
        ("12.28.2704", set(), {"CVE-2024-0105", "CVE-2025-23262"}),
        ("12.28.2300", {"CVE-2024-0105"}, set()),
        ("32.38.3056", {"CVE-2024-0106", "CVE-2025-23256"}, set()),
    ],
)
def test_adapter_firmware_is_judged_by_model_and_train(
    bulletins: Index, firmware: str, affected: set[str], fixed: set[str]
) -> None:
    """A bulletin writes xx.41.1000 or 41.1000; a long-term train is told by its second number."""
    found = plain.judge(bulletins, Install("connectx", firmware))
    assert affected <= {said.cve for said in found.of(Verdict.AFFECTED)}
    assert fixed <= {said.cve for said in found.of(Verdict.FIXED)}
    if not affected:
        assert not found.of(Verdict.AFFECTED)


@pytest.mark.parametrize(
    ("firmware", "verdicts"),
    [
        ("16.33.1048", {"CVE-2024-0105": "affected", "CVE-2025-23262": "affected", "CVE-2025-23299": "affected"}),
        ("16.31.1014", {"CVE-2024-0105": "affected", "CVE-2025-23262": "affected", "CVE-2025-23299": "affected"}),
        ("16.35.4030", {"CVE-2024-0105": "fixed", "CVE-2025-23262": "affected", "CVE-2025-23299": "affected"}),
        ("16.35.4554", {"CVE-2024-0105": "fixed", "CVE-2025-23262": "fixed", "CVE-2025-23299": "fixed"}),
        ("20.33.1048", {"CVE-2024-0105": "affected", "CVE-2025-23262": "affected", "CVE-2025-23299": "affected"}),
        (
            "20.41.1000",
            {"CVE-2024-0105": "fixed", "CVE-2025-23262": "unsupported branch", "CVE-2025-23299": "unsupported branch"},
        ),
        ("20.43.3608", {"CVE-2024-0105": "fixed", "CVE-2025-23262": "fixed", "CVE-2025-23299": "fixed"}),
        ("12.32.1900", {"CVE-2024-0105": "fixed", "CVE-2025-23262": "unknown"}),
    ],
)
def test_adapter_firmware_outside_the_long_term_trains_is_never_silent(
    bulletins: Index, firmware: str, verdicts: dict[str, str]
) -> None:
    """ConnectX-5 stands under LTS22 only, ConnectX-6 under LTS22, LTS23 and LTS24 and, in 5562 only, under GA."""
    found = plain.judge(bulletins, Install("connectx", firmware))
    assert {said.cve: str(said.verdict) for said in found.said} == verdicts


@pytest.mark.parametrize("firmware", ["28.99.1000", "16.36.1000", "18.33.1048"])
def test_adapter_firmware_newer_than_all_that_the_bulletins_name_is_unknown(bulletins: Index, firmware: str) -> None:
    found = plain.judge(bulletins, Install("connectx", firmware))
    assert not found.answered
    assert "newer than all" in found.reason


def test_the_firmware_of_no_known_adapter_is_not_judged(bulletins: Index) -> None:
    assert not plain.judge(bulletins, Install("connectx", "99.41.1000")).answered


def test_a_bundle_is_judged_by_its_own_version_and_a_card_s_vbios_is_not(bulletins: Index) -> None:
    """nvidia-smi shows 96.00.99.00.01 where the bulletin counts 1.7.1."""
    found = {
        version: {str(one.verdict) for one in _bundle(bulletins, version).said if one.cve == "CVE-2025-23301"}
        for version in ("1.7.1", "1.8.0")
    }
    assert found == {"1.7.1": {"affected"}, "1.8.0": {"fixed"}}
    assert not plain.judge(bulletins, Install("hgx-bundle", "", models=("hopper",))).answered


def _bundle(index: Index, version: str) -> Judged:
    return plain.judge(index, Install("hgx-bundle", version, models=("hopper",)))


def board(model: str, firmware: str, version: str) -> Estate:
    """A machine with such GPUs, and one entry of its controller's firmware inventory."""
    return estate_of(
        [
            Fact("host:n1", "has_gpu", "gpu:a", {"model": model}),
            Fact("host:n1", "managed_by", "bmc:n1"),
            Fact("bmc:n1", "runs_firmware", f"firmware:{firmware}/1", {"name": firmware, "version": version}),
        ]
    )


def board_says(index: Index, model: str, firmware: str, version: str) -> dict[tuple[str, str], str]:
    """(bulletin, CVE) → verdict on a board's firmware; a hole stands under two empty strings."""
    (found,) = [
        one for one in findings(board(model, firmware, version), index) if one.of.install.product == "hgx-bundle"
    ]
    if not found.judged.answered:
        return {("", ""): found.judged.reason}
    return {(said.advisory, said.cve): str(said.verdict) for said in found.judged.said}


@pytest.mark.parametrize(
    ("model", "version", "advisory", "cve", "verdict"),
    [
        ("NVIDIA GB200", "1.2", "5692", "CVE-2025-23337", "affected"),
        ("NVIDIA GB200", "1.3", "5692", "CVE-2025-23337", "fixed"),
        ("NVIDIA GB200", "1.1", "5692", "CVE-2025-23337", "unknown"),
        ("NVIDIA B300 SXM6 AC", "0.6", "5692", "CVE-2025-23337", "affected"),
        ("NVIDIA H100 80GB HBM3", "HGX-22.10-1-rc57", "5561", "CVE-2024-0114", "affected"),
        ("NVIDIA H100 80GB HBM3", "HGX-22.10-1-rc99", "5561", "CVE-2024-0114", "unknown"),
    ],
)
def test_a_board_s_controller_is_held_against_its_own_bulletins(
    bulletins: Index, model: str, version: str, advisory: str, cve: str, verdict: str
) -> None:
    assert board_says(bulletins, model, "HGX_FW_HMC_0", version)[advisory, cve] == verdict


def test_a_bundle_is_held_against_bulletins_that_count_in_bundles_only(bulletins: Index) -> None:
    """5692 counts in versions of the HMC; 5561 gives the bundle beside each build of the HMC."""
    of_gb200 = board_says(bulletins, "NVIDIA GB200", "HGX_FW_Bundle", "1.2.0")
    assert {advisory for advisory, _ in of_gb200} == {"5674"}
    of_hopper = board_says(bulletins, "NVIDIA H100 80GB HBM3", "HGX_FW_Bundle", "1.3.0")
    assert of_hopper["5561", "CVE-2024-0114"] == "affected"
    of_controller = board_says(bulletins, "NVIDIA H100 80GB HBM3", "HGX_FW_HMC_0", "HGX-22.10-1-rc57")
    assert {advisory for advisory, _ in of_controller} == {"5561"}


def test_the_root_of_trust_beside_a_controller_is_not_its_firmware() -> None:
    beside = board("NVIDIA GB200", "HGX_FW_ERoT_HMC_0", "01.03")
    assert "hgx-bundle" not in {one.install.product for one in classes(beside)}


def test_a_controller_s_version_does_not_stand_for_the_bundle_s(bulletins: Index) -> None:
    """The card's VBIOS is still unknown."""
    vbios = Fact("gpu:a", "runs_firmware", "firmware:v/96", {"version": "96.00", "name": "NVIDIA H100 vbios"})
    there = board("NVIDIA H100 80GB HBM3", "HGX_FW_HMC_0", "HGX-22.10-1-rc57").with_delta([vbios])
    assert {one.install.product for one in classes(there)} >= {"vbios", "hgx-bundle"}


def test_what_no_bulletin_is_about_is_unknown_and_says_so(bulletins: Index) -> None:
    (found,) = findings(
        estate_of(
            [
                Fact("host:n1", "runs_software", "package:nvidia-driver", {"version": "580.95.05"}),
                Fact("host:n1", "has_gpu", "gpu:p", {"model": "NVIDIA RTX A6000"}),
                Fact("gpu:p", "runs_firmware", "firmware:v/94", {"version": "94.02", "name": "NVIDIA RTX A6000 vbios"}),
            ]
        ),
        bulletins,
    )[1:]
    assert (found.judged.answered, found.judged.reason.partition(":")[0]) == (
        False,
        "an advisory about the VBIOS of this card",
    )


@pytest.mark.parametrize(
    ("version", "line", "system", "fixed", "contradicts"),
    [
        ("535.261.03", "Guest driver, vGPU", "linux", "vGPU 16.12", True),
        ("535.261.04", "Virtual GPU Manager, vGPU", "linux", "vGPU 16.12", True),
        ("539.28", "Virtual GPU Manager, vGPU", "windows", "vGPU 18.4", True),
        ("570.172.07", "Guest driver, vGPU", "linux", "570.195.03(vGPU 18.5)", False),
        ("550.73", "Guest driver, gaming", "linux", "555.52.04(May 2024 release)", False),
    ],
)
def test_a_fix_of_another_branch_is_told_by_its_release_and_as_a_contradiction(
    bulletins: Index, version: str, line: str, system: str, fixed: str, contradicts: bool
) -> None:
    """Bulletins 5703 (575.274.02 for R535) and 5670 (573.55 for R535); gaming releases change their branch."""
    told = {said.fixed: said.because for said in judged(bulletins, version, line, system).of(Verdict.AFFECTED)}
    assert fixed in told
    assert ("contradicts itself" in told[fixed]) == contradicts
    assert not any(one.startswith(("575.274", "573.55")) for one in told)


def test_a_version_that_a_list_of_single_versions_skips_is_unknown(bulletins: Index) -> None:
    """The bulletin on HMC names 1.3.0 to 1.5.0 one by one, and 1.6.0 as fixed."""
    said = {str(one.verdict) for one in _bundle(bulletins, "1.4.5").said if one.cve == "CVE-2024-0114"}
    assert said == {"unknown"}
    assert {str(one.verdict) for one in _bundle(bulletins, "1.4.0").said if one.cve == "CVE-2024-0114"} == {"affected"}


def test_a_switch_between_two_trains_is_unknown(bulletins: Index) -> None:
    """3.11.2302 is what the long-term train fixes, and lies within the general one's range."""
    found = plain.judge(bulletins, Install("switch-os", "3.11.2302", line="mlnx-os"))
    assert {said.cve: str(said.verdict) for said in found.said}["CVE-2024-0113"] == "unknown"
    old = plain.judge(bulletins, Install("switch-os", "3.10.1000", line="mlnx-os"))
    assert {said.cve: str(said.verdict) for said in old.said}["CVE-2024-0113"] == "affected"
    cumulus = plain.judge(bulletins, Install("switch-os", "Cumulus Linux 5.9.1", line="cumulus"))
    assert cumulus.of(Verdict.AFFECTED)


def test_triton_s_flaws_by_release(bulletins: Index) -> None:
    found = {
        version: {said.cve for said in plain.judge(bulletins, Install("triton", version)).of(Verdict.AFFECTED)}
        for version in ("25.06-py3", "25.07-py3", "25.10")
    }
    assert "CVE-2025-23319" in found["25.06-py3"]
    assert "CVE-2025-23319" not in found["25.07-py3"]
    assert not found["25.10"]


@pytest.mark.parametrize(
    ("version", "cve", "verdict"),
    [
        ("23.11.1", "CVE-2023-49934", "fixed"),
        ("23.11.0", "CVE-2023-49934", "affected"),
        ("23.02.7", "CVE-2023-49934", "fixed"),
        ("23.02.6", "CVE-2023-49935", "affected"),
        ("20.11.9", "CVE-2022-29500", "fixed"),
        ("20.11.8", "CVE-2022-29500", "affected"),
        ("20.11.8", "CVE-2022-29502", "affected"),
        ("21.08.8", "CVE-2022-29502", "fixed"),
        ("20.02.7", "CVE-2022-29502", "fixed"),
        ("22.05.9", "CVE-2023-41914", "affected"),
        ("23.02.6", "CVE-2023-41914", "fixed"),
        ("23.11.0", "CVE-2023-49938", "fixed"),
        ("22.05.11", "CVE-2025-43904", "unsupported branch"),
        ("25.11.7", "CVE-2026-65107", "affected"),
        ("25.05.9", "CVE-2026-65140", "fixed"),
        ("24.11.7", "CVE-2026-65168", "unsupported branch"),
        ("24.11.5", "CVE-2025-43904", "fixed"),
        ("24.05.7", "CVE-2025-43904", "affected"),
        ("25.05.3", "CVE-2025-43904", "fixed"),
        ("24.05.1", "CVE-2024-42511", "unknown"),
    ],
)
def test_slurm_by_release_series(version: str, cve: str, verdict: str) -> None:
    assert {said.cve: str(said.verdict) for said in by_table(Install("slurm", version)).said}[cve] == verdict


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
        version: _root_of_n1(enriched(estate_of(node(version)), shared("csaf")))
        for version in ("1.17.7", "1.17.4", "1.17.8")
    }
    assert opened == {"1.17.7": True, "1.17.4": False, "1.17.8": False}


def _root_of_n1(estate: Estate) -> bool:
    return any(move["to"] == "host:n1#root" and move["from"] == ["job:j1#code"] for move in Questions(estate).moves())


def test_asking_twice_leaves_one_answer() -> None:
    """Later advisories take the place of earlier ones."""
    once = enriched(estate_of(node("1.17.7")), shared("csaf"))
    again = enriched(once, shared("csaf"))
    assert _said(again) == _said(once)


def _said(estate: Estate) -> set[tuple[str, str, str]]:
    return {(fact.subject, fact.predicate, fact.object) for fact in estate.facts()}


def test_verdicts_are_values() -> None:
    """They can be written and read."""
    found = by_table(Install("slurm", "24.05.1"))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Judged) == found
