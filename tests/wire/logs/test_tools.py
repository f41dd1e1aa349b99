"""Falco, Tetragon, Suricata, Zeek, Kubernetes, OpenTelemetry, our agents: what each says, in the words of all."""

import pytest

from ringfence.errors import Problem
from ringfence.wire.logs import read
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.wire.logs.samples import AGENT, AUDIT, FALCO, OTLP, SURICATA, TETRAGON, ZEEK, ZEEK_JSON, lines


def one(record: object) -> Event:
    (event,) = read("x", lines(record))
    assert isinstance(event, Event), event
    return event


def has(event: Event, **columns: object) -> bool:
    return {name: event.fields.get(name.replace("__", ".")) for name in columns} == columns


def test_falco_tells_the_started_process_and_its_own_rule():
    """The call that the rule met gives the class; Falco's own fields stay beside."""
    event = one(FALCO)
    assert (event.class_uid, event.activity_id, event.host) == (classes.PROCESS, 1, "gpu0001")
    assert event.time == 1767323045123456
    assert has(event, process__name="bash", process__cmd_line="bash -i", process__user__name="root", process__pid=12)
    assert has(event, actor__process__name="runc", process__container__name="trainer", severity_id=3)
    assert has(event, rule__name="Terminal shell in container", unmapped__tags="container\nshell")
    assert event.fields["unmapped.k8s.pod.name"] == "trainer-0"


@pytest.mark.parametrize(
    ("call", "uid", "activity"),
    [
        ("connect", classes.NETWORK, 1),
        ("accept4", classes.NETWORK, 1),
        ("openat", classes.FILE, 14),
        ("finit_module", classes.MODULE, 1),
        ("ptrace", classes.DETECTION_FINDING, 1),
    ],
)
def test_falco_gives_the_class_of_the_call(call, uid, activity):
    """Of any other it is a finding."""
    fields = {"evt.type": call, "proc.name": "x", "fd.name": "/etc/shadow", "fd.rip": "203.0.113.9", "fd.rport": 443}
    event = one({**FALCO, "output_fields": fields})
    assert (event.class_uid, event.activity_id) == (uid, activity)
    assert event.fields["actor.process.name"] == "x"
    if uid == classes.FILE:
        assert event.fields["file.path"] == "/etc/shadow"
    if uid == classes.NETWORK:
        assert event.fields["connection_info.direction"] == ("inbound" if call == "accept4" else "outbound")


def test_tetragon_tells_connections_starts_and_its_own_losses():
    """A rate limit of its own is counted telemetry."""
    event = one(TETRAGON)
    assert (event.class_uid, event.activity_id, event.host) == (classes.NETWORK, 1, "gpu0001")
    assert has(event, dst_endpoint__ip="203.0.113.9", dst_endpoint__port=80, connection_info__protocol_name="tcp")
    assert has(event, actor__process__name="curl", actor__user__uid=1000, rule__name="connects")
    inner = TETRAGON["process_kprobe"]
    event = one({"process_exec": {"process": inner["process"], "parent": inner["parent"]}, "time": TETRAGON["time"]})
    assert (event.class_uid, event.logsource) == (classes.PROCESS, "linux/process_creation/tetragon")
    assert has(event, process__cmd_line="/usr/bin/curl http://203.0.113.9/x", actor__process__name="bash")
    event = one({"rate_limit_info": {"number_of_dropped_process_events": "12"}, "time": TETRAGON["time"]})
    assert (event.class_uid, event.activity_id, event.fields["telemetry.count"]) == (classes.TELEMETRY, 2, 12)


def test_tetragon_tells_reads_from_writes():
    """By the mask that the kernel checks."""
    for mask, activity in ((4, 2), (2, 3)):
        args = [{"file_arg": {"path": "/data/w.pt"}}, {"int_arg": mask}]
        kprobe = {"process": {"pid": 1}, "function_name": "security_file_permission", "args": args}
        event = one({"process_kprobe": kprobe, "time": TETRAGON["time"]})
        assert (event.class_uid, event.activity_id) == (classes.FILE, activity)
        assert event.fields["file.name"] == "w.pt"


def test_suricata_tells_flows_alerts_and_names():
    """Bytes by who sent them; both versions of its DNS records."""
    event = one(SURICATA)
    assert (event.class_uid, event.activity_id, event.logsource) == (classes.NETWORK, 2, "suricata//flow")
    assert has(event, traffic__bytes_out=500, traffic__bytes_in=700, dst_endpoint__port=443)
    alert = one({**SURICATA, "event_type": "alert", "alert": {"signature": "ET X", "severity": 1}})
    assert (alert.class_uid, alert.fields["rule.name"], alert.fields["severity_id"]) == (2004, "ET X", 4)
    old = one({**SURICATA, "event_type": "dns", "dns": {"type": "query", "rrname": "a.example", "rrtype": "A"}})
    new = one({**SURICATA, "event_type": "dns", "dns": {"queries": [{"rrname": "a.example", "rrtype": "A"}]}})
    for event in (old, new):
        assert (event.class_uid, event.fields["query.hostname"], event.logsource) == (
            4003,
            "a.example",
            "suricata/dns/dns",
        )
    web = {"hostname": "h", "url": "/x", "http_method": "POST", "status": 200}
    assert one({**SURICATA, "event_type": "http", "http": web}).activity_id == 6


def test_zeek_tells_the_same_in_both_of_its_dresses():
    """A closed connection as JSON, a query by the header's names, types and escapes."""
    event = one(ZEEK_JSON)
    assert (event.class_uid, event.activity_id, event.logsource) == (classes.NETWORK, 2, "zeek//conn")
    assert has(event, src_endpoint__ip="10.0.0.1", traffic__bytes_out=500, connection_info__protocol_name="tcp")
    (event,) = read("dns.log", ZEEK.encode())
    assert (event.class_uid, event.logsource, event.time) == (classes.DNS, "zeek/dns/dns", 1767323045500000)
    assert has(event, query__hostname="long\tname.example", answers="one\ntwo", unmapped__rejected="true")


def test_a_log_of_zeek_that_has_no_class_keeps_its_names():
    """Rules for dce_rpc, kerberos or rdp ask for Zeek's own."""
    text = "#path\tdce_rpc\n#fields\tts\tid.orig_h\tendpoint\toperation\n1767323045.0\t10.0.0.1\tsvcctl\tOpen\n"
    (event,) = read("x", text.encode())
    assert (event.class_uid, event.logsource) == (classes.BASE, "zeek//dce_rpc")
    assert has(event, unmapped__endpoint="svcctl", unmapped__operation="Open", src_endpoint__ip="10.0.0.1")


def test_a_line_of_zeek_with_too_few_values_is_a_problem():
    """And the next is read."""
    found = list(read("x", ZEEK.encode() + b"1\t2\n" + ZEEK.encode().splitlines(keepends=True)[-1]))
    assert [type(each) for each in found] == [Event, Problem, Event]
    assert found[1].line == 9


def test_a_call_of_the_kubernetes_api_tells_who_did_what_to_what():
    """One event, or an EventList as the webhook sends it."""
    event = one(AUDIT)
    assert (event.class_uid, event.activity_id, event.logsource) == (classes.API, 2, "kubernetes/application/audit")
    assert has(event, api__operation="list", actor__user__name="system:anonymous", resource__type="secrets")
    assert has(event, resource__namespace="ml", http_response__code=403, status_id=2, src_endpoint__ip="10.9.9.9")
    assert event.fields["unmapped.user.groups"] == "system:unauthenticated"
    wrapped = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [AUDIT, AUDIT]}
    assert list(read("x", lines(wrapped))) == [event, event]


def test_a_list_of_objects_is_kept_whole_and_by_its_names():
    """Rules ask for the image of any container; the pairs stand in the list itself."""
    containers = [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]
    event = one({**AUDIT, "requestObject": {"spec": {"containers": containers}}})
    assert event.fields["unmapped.requestObject.spec.containers.image"] == "x\ny"
    assert '"image":"y"' in event.fields["unmapped.requestObject.spec.containers"]


def test_opentelemetry_logs_have_their_host_time_and_attributes():
    """Numbers of 64 bits come as text; a slash in a name makes no log source of its own."""
    first, second = read("x", lines(OTLP))
    assert (first.time, first.host, first.logsource) == (1767323045123456, "gpu0001", "otlp//loader")
    assert has(first, message="checksum differs", severity_id=4, unmapped__shard="7", unmapped__scope="io")
    assert second.fields["message"] == "second"
    export = {
        "resourceLogs": [{**OTLP["resourceLogs"][0], "resource": {"attributes": [_text("service.name", "a/b/c")]}}]
    }
    assert next(iter(read("x", lines(export)))).logsource == "otlp//a_b_c"


def _text(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def test_an_agents_line_has_its_number_but_names_no_source():
    """Who sent it is for the receiver to say."""
    event = one({**AGENT, "source": "host:other/x", "received": 5, "own": {"a": 1}, "gpu.power": 300})
    assert (event.seq, event.source, event.host) == (7, "", "gpu0001")
    assert event.logsource == "linux/process_creation/"
    assert event.fields == {
        "process.name": "python3",
        "process.pid": 12,
        "gpu.power": 300.0,
        "unmapped.own.a": "1",
        "unmapped.source": "host:other/x",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"class_uid": 5},
        {"class_uid": True},
        {"time": -1},
        {"time": "x"},
        {"seq": -1},
        {"seq": 1 << 70},
        {"logsource": "x"},
    ],
)
def test_an_agents_line_that_breaks_the_form_is_a_problem(change):
    """Not an event with made-up values."""
    (problem,) = read("x", lines({**AGENT, **change}))
    assert isinstance(problem, Problem)
