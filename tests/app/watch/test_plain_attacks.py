"""Plain attacks in the logs of other tools: each is an incident, and what differs in the one thing is none."""

import json

import pytest

from ringfence.app.watch.made import Made
from ringfence.app.watch.run import watch_files

ADDRESS = "203.0.113.9"
SSHD = "<38>1 2026-03-01T03:{:02d}:00Z login01 sshd 42 - - {} password for {} from {} port 40000 ssh2\n"
REFUSED = "[2026-03-01T03:04:{:02d}.000] error: slurm_receive_msg [10.0.0.5:4444]: Message authentication failure\n"


def logins(tries, account, address=ADDRESS):
    """Refused logins, one a minute, and one that is accepted."""
    refused = [SSHD.format(at, "Failed", account, ADDRESS) for at in range(tries)]
    return "".join(refused) + SSHD.format(tries, "Accepted", account, address)


def falco(priority):
    """An alert that names no system call."""
    told = {"time": "2026-03-01T03:04:05Z", "rule": "Odd thing", "priority": priority, "output": "odd"}
    return json.dumps({**told, "hostname": "gpu0001", "output_fields": {"proc.name": "sh"}}) + "\n"


def eve(severity):
    """An alert of Suricata."""
    told = {"timestamp": "2026-03-01T03:04:05.000000+0000", "event_type": "alert", "src_ip": "10.0.0.1"}
    return json.dumps({**told, "alert": {"signature": "Odd thing", "severity": severity}}) + "\n"


def exec_by(account, code=101):
    """A command in a pod of train-a."""
    told = {"apiVersion": "audit.k8s.io/v1", "kind": "Event", "auditID": "a", "stage": "ResponseStarted"}
    told |= {"verb": "create", "user": {"username": account}, "responseStatus": {"code": code}}
    told |= {"objectRef": {"resource": "pods", "subresource": "exec", "namespace": "train-a", "name": "p"}}
    return json.dumps({**told, "requestReceivedTimestamp": "2026-03-01T03:04:05.000000Z"}) + "\n"


def slurm(times):
    """A controller's log with some messages refused."""
    return "[2026-03-01T03:03:00.000] sched: Allocate JobId=1 NodeList=gpu0001\n" + "".join(
        REFUSED.format(at) for at in range(times)
    )


ATTACKS = {
    "Login refused many times and then accepted": (logins(12, "alice"), logins(5, "alice")),
    "Root logged in by password from a public address": (logins(0, "root"), logins(0, "root", "10.0.0.7")),
    "Grave alert of Falco": (falco("Critical"), falco("Warning")),
    "Grave alert of Suricata": (eve(1), eve(2)),
    "Command in a pod by a caller who has no business there": (
        exec_by("system:serviceaccount:web:front"),
        exec_by("system:serviceaccount:train-a:launcher"),
    ),
    "Slurm refuses credentials again and again": (slurm(25), slurm(5)),
}


@pytest.mark.parametrize(("place", "titles"), [(0, set(ATTACKS)), (1, set())], ids=["attacks", "near misses"])
def test_each_attack_is_an_incident_and_its_near_miss_is_none(tmp_path, place, titles):
    """All at once, each in a file of its own, as the tools write them."""
    for number, cases in enumerate(ATTACKS.values()):
        (tmp_path / f"{number}.log").write_text(cases[place])
    problems = []
    found = watch_files(Made(None, (), problems).single(), [tmp_path], problems, lambda _: None)
    assert list(found.problems) == []
    signals = {signal.title for one in found.incidents for signal in one.signals}
    assert titles <= signals
    assert not found.incidents or titles
