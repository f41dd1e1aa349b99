"""Redfish services as facts: the published mockup, live over the loopback, parts that changed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.assess.checks import CHECKS
from ringfence.assess.judge import judge_one, results
from ringfence.collect import redfish
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.hardware import swapped
from ringfence.collect.redfish_live import Target, read
from ringfence.errors import InputError, Problem, UsageError
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.wire.redfish import resource
from tests.shared_data import shared

SAMPLE = Path(__file__).parents[1] / "moves" / "host_to_bmc" / "fires"


def files(root: Path) -> list[CapturedFile]:
    return [CapturedFile(str(p.relative_to(root)), p.read_bytes()) for p in sorted(root.rglob("*.json"))]


def collected(found: list[CapturedFile]) -> list[Fact | Problem]:
    claimed = [file for file in found if redfish.recognise(file.path, file.head)]
    return list(redfish.collect(redfish.FORM, claimed, Scope()))


def triples(found: list[Fact | Problem]) -> set[tuple[str, str, str]]:
    return {(each.subject, each.predicate, each.object) for each in found if isinstance(each, Fact)}


def part(kind: str, address: str, serial: str) -> CapturedFile:
    body = {"@odata.id": f"/redfish/v1/{address}", "@odata.type": f"#{kind}.v1_0_0.{kind}", "SerialNumber": serial}
    return CapturedFile(f"redfish/n1/{address}/index.json", msgspec.json.encode(body))


def test_parts_that_share_a_serial_stay_different_parts():
    """Some makers print one serial on everything; a serial of its own stays the name."""
    shared_by_all = [
        part("Drive", "Chassis/1/Drives/0", "X1"),
        part("NetworkAdapter", "Chassis/1/NetworkAdapters/N", "X1"),
        part("Fan", "Chassis/1/Fans/0", "F"),
        part("Fan", "Chassis/1/Fans/1", "F"),
        part("Fan", "Chassis/1/Fans/2", "G"),
    ]
    assert {o for _, p, o in triples(collected(shared_by_all)) if p == "has_component"} == {
        "component:X1/Drive",
        "component:X1/NetworkAdapter",
        "component:F/Fan/Chassis/1/Fans/0",
        "component:F/Fan/Chassis/1/Fans/1",
        "component:G",
    }


def test_the_published_service_is_one_controller_and_its_host():
    """All 254 files are claimed and read; the system's host name joins the controller to the machine."""
    root = shared("redfish")
    found = files(root)
    assert all(redfish.recognise(file.path, file.head) for file in found)
    facts = collected(found)
    assert not [each for each in facts if isinstance(each, Problem)]
    said = triples(facts)
    assert ("host:web483", "managed_by", "bmc:web483") in said
    assert ("bmc:web483", "runs_firmware", "firmware:joo-janta-200/1.45.455b66-rev4") in said
    both = {o for _, p, o in said if p == "has_component" and "3488247" in o}
    assert both == {"component:3488247/Battery", "component:3488247/PowerSupply"}
    assert ("bmc:web483", "setting", "ipmi=on") in said
    assert {subject for subject, _, _ in said} == {"host:web483", "bmc:web483"}


def test_the_published_service_trusts_its_host_without_proof():
    """AuthNone and credential bootstrapping are both on there; the integrity of the TPM was verified."""
    said = triples(collected(files(shared("redfish"))))
    assert ("bmc:web483", "setting", "host_interface=no-auth") in said
    assert ("bmc:web483", "setting", "host_interface=bootstrap") in said
    assert ("host:web483", "setting", "integrity/TPM-0=Success") in said


@pytest.mark.parametrize(("must", "says"), [(True, {"failed"}), (False, {"unknown"})])
def test_an_account_that_must_change_its_password_has_one_that_others_know(must, says):
    """The published service, and the same where its first account was never used; no source clears a controller."""
    account = "AccountService/Accounts/1/index.json"
    facts = []
    for file in files(shared("redfish/public-rackmount1")):
        if file.path.endswith(account):
            body = msgspec.json.decode(file.data) | {"PasswordChangeRequired": must}
            file = CapturedFile(file.path, msgspec.json.encode(body), 1.0)
        facts.append(file)
    check = next(one for one in CHECKS if one.name == "bmc_credentials")
    estate = estate_of(one for one in collected(facts) if isinstance(one, Fact))
    assert {one.verdict for one in results(estate, judge_one(estate, check))} == says


def test_an_open_chassis_and_a_failed_part_are_tampering():
    """The intrusion sensor and the roots of trust speak for themselves."""
    bodies = [
        {
            "@odata.type": "#Chassis.v1_22_0.Chassis",
            "@odata.id": "/redfish/v1/Chassis/1",
            "PhysicalSecurity": {"IntrusionSensor": "HardwareIntrusion"},
        },
        {
            "@odata.type": "#ComponentIntegrity.v1_2_0.ComponentIntegrity",
            "@odata.id": "/redfish/v1/ComponentIntegrity/GPU-0",
            "SPDM": {"IdentityAuthentication": {"ResponderAuthentication": {"VerificationStatus": "Failed"}}},
        },
    ]
    found = [
        CapturedFile(f"redfish/gpu7-bmc{body['@odata.id'][11:]}/index.json", msgspec.json.encode(body))
        for body in bodies
    ]
    said = {(s, o) for s, p, o in triples(collected(found)) if p == "tampered"}
    assert said == {("bmc:gpu7", "chassis-open"), ("bmc:gpu7", "integrity-failed")}


def test_a_damaged_resource_does_not_stop_the_others():
    """It becomes a problem that names the file."""
    found = [*files(SAMPLE), CapturedFile("redfish/gpu1/Chassis/1/index.json", b'{"@odata.id": "/redfish/v1/')]
    facts = collected(found)
    assert [each.file for each in facts if isinstance(each, Problem)] == ["redfish/gpu1/Chassis/1/index.json"]
    assert ("host:gpu1", "managed_by", "bmc:gpu1") in triples(facts)


def test_a_part_exchanged_between_two_surveys_is_a_fact():
    """The new part is named with the slot and the one that sat there; what stayed is not."""
    nic = {"slot": "PCIe3", "dma": True, "type": "NetworkAdapter"}
    old = [
        Fact("host:a", "has_component", "component:1", nic),
        Fact("host:a", "has_component", "component:2", {"slot": "PSU1", "dma": False}),
    ]
    new = [
        Fact("host:a", "has_component", "component:9", nic),
        Fact("host:a", "has_component", "component:2", {"slot": "PSU2", "dma": False}),
        Fact("host:b", "has_component", "component:3", nic),
    ]
    (changed,) = swapped(estate_of(old), estate_of(new))
    assert (changed.subject, changed.object) == ("host:a", "component:9")
    assert changed.attributes["was"] == "component:1"
    assert changed.attributes["dma"] is True


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A loopback server of a folder of `index.json`, and the (method, path) of each request."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            asked.append((self.command, self.path))
            file = root / self.path.removeprefix("/redfish/v1").strip("/") / "index.json"
            body = file.read_bytes() if file.is_file() else b"{}"
            self.send_response(200 if file.is_file() else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_live_service_says_what_its_files_say():
    """Reading over the loopback gives the facts that matter for reach, with GETs below the root only."""
    root = shared("redfish/public-rackmount1")
    with serving(root) as (url, asked):
        found = list(read(Target("web483", url)))
    assert {method for method, _ in asked} == {"GET"}
    assert all(path.startswith("/redfish/v1") for _, path in asked)
    live = triples(collected([each for each in found if isinstance(each, CapturedFile)]))
    unlinked = {("bmc:web483", "setting", "account=contoso_employee457")}  # no collection there names this account
    assert live == triples(collected(files(root))) - unlinked


def test_a_live_service_is_read_no_further_than_the_limit():
    """A service that links without end cannot keep the reader busy."""
    with serving(shared("redfish/public-rackmount1")) as (url, asked):
        list(read(Target("web483", url, most_resources=20)))
    assert len(asked) <= 20


def test_a_controller_is_not_read_in_the_clear():
    """Only the loopback may be read without TLS."""
    with pytest.raises(UsageError, match="https"):
        list(read(Target("x", "http://192.0.2.1")))


def test_a_controller_that_does_not_answer_is_a_problem():
    """Nothing listens on the port that was just closed."""
    with serving(SAMPLE) as (url, _):
        pass
    (found,) = read(Target("gone", url, timeout_s=2))
    assert isinstance(found, Problem)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_resources_raise_only_input_errors(data):
    """Bytes cut, changed and made up: an `InputError` or a resource, nothing else."""
    sample = (SAMPLE / "redfish/gpu1/Managers/BMC/HostInterfaces/1/index.json").read_bytes()
    at = data.draw(st.integers(0, len(sample)))
    junk = data.draw(st.binary(max_size=20))
    for body in (sample[:at], sample[:at] + junk + sample[at + len(junk) :], junk):
        try:
            resource.members(resource.parse(body))
        except InputError:
            continue
        collected([CapturedFile("redfish/x/index.json", body)])


def test_what_is_off_is_said_to_be_off():
    """A control that shows only by absence would be unknown for ever."""
    bodies = [
        {
            "@odata.type": "#ManagerNetworkProtocol.v1_9_0.ManagerNetworkProtocol",
            "@odata.id": "/redfish/v1/Managers/BMC/NetworkProtocol",
            "IPMI": {"ProtocolEnabled": False, "Port": 623},
            "HTTPS": {"ProtocolEnabled": True, "Port": 443},
        },
        {
            "@odata.type": "#HostInterface.v1_3_0.HostInterface",
            "@odata.id": "/redfish/v1/Managers/BMC/HostInterfaces/1",
            "InterfaceEnabled": False,
        },
        {
            "@odata.type": "#AccountService.v1_15_0.AccountService",
            "@odata.id": "/redfish/v1/AccountService",
            "AccountLockoutThreshold": 5,
        },
    ]
    found = [
        CapturedFile(
            f"redfish/a{body['@odata.id'].removeprefix('/redfish/v1')}/index.json", msgspec.json.encode(body), 1.0
        )
        for body in bodies
    ]
    said = {object_ for _, predicate, object_ in triples(collected(found)) if predicate == "setting"}
    assert said == {"ipmi=off", "https=on", "host_interface=off", "account_lockout=on"}
