"""The pod gate as a runtime runs it: a process with CNI_… in its environment, against a real enforcer's socket.

Real: the plugin's process, a network namespace, the socket, the keeper and its signed orders. Not here: a kubelet, a
container runtime, other plugins; their part is played by the test.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringfence.app.enforcer.gate import Gate
from ringfence.app.enforcer.hooks import Hooks
from ringfence.app.enforcer.keeper import Keeper
from ringfence.app.follow_pods import Pod, admission
from ringfence.enforce.pods import Admitted
from ringfence.store.slots import Slots
from ringfence.transport import signing
from ringfence.wire.kubernetes.ours import LABEL
from ringfence.wire.orders import Order, digest

SERVER, NODE, HOST, UID = signing.new_key(), signing.new_key(), "host:gpu0001", "8f4c2a80-1111-4222-8333-944455556666"


class Enforcer:
    """A real enforcer's keeper, gate and socket in a loop of their own; `pods` is its one target."""

    def __init__(self, folder, on_outage="hold"):
        self.path, self.listed = folder / "enforcer.sock", folder / "list"
        self._folder, self._on_outage = folder, on_outage
        self._ready, self._stop = threading.Event(), None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self):
        slots = Slots(self._folder / "enforcer.db")
        trusted = signing.keyring([signing.public_hex(SERVER)])
        drivers = {"pods": lambda where, job: Admitted(where, self.listed)}
        self._keeper = Keeper(HOST, drivers, slots, trusted, NODE, lambda *_: None)
        self._keeper.recover()
        self._gate = Gate(self._keeper, self._on_outage, 30.0)
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()

        async def wait(caller, asked):
            return await self._gate.wait(asked.job, asked.deadline)

        async with Hooks(self.path, {"wait-job": wait}, frozenset({os.getuid()})):
            self._ready.set()
            await self._stop.wait()
        slots.close()

    def admit(self, *identities, sequence=1):
        """The server's signed order: these pods' compartments were read back."""
        values = {"id": f"{sequence:032x}", "host": HOST, "target": "pods", "action": "apply", "sequence": sequence}
        pods = [Pod("research", f"pod-{one}", one, "gpu0001", {LABEL: "a"}) for one in identities]
        now, (text, covers) = int(time.time()), admission(pods)
        order = Order(**values, not_before=now - 1, expires=now + 60, digest=digest(text), covers=covers)

        def take():
            receipt = self._keeper.take(signing.seal(SERVER, order), text)
            self._gate.changed()
            return receipt

        async def run():
            return take()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@pytest.fixture
def namespace():
    """A pod's network namespace with an interface, as the plugin before us would have left it."""
    if os.getuid():
        pytest.skip("missing-part: making a network namespace needs root")
    name = f"rf-gate-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "host0"], check=True)
    subprocess.run(["ip", "-n", name, "addr", "add", "10.244.1.7/24", "dev", "eth0"], check=True)
    yield Path(f"/var/run/netns/{name}")
    subprocess.run(["ip", "netns", "delete", name], check=True)


PREVIOUS = {
    "cniVersion": "1.1.0",
    "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:07", "sandbox": "/var/run/netns/x"}],
    "ips": [{"address": "10.244.1.7/24", "gateway": "10.244.1.1", "interface": 0}],
    "dns": {"nameservers": ["10.96.0.10"]},
}


def configured(folder, **more):
    """The network configuration that the runtime gives on standard input."""
    own = {"onOutage": "hold", "deadline": 5, "socket": str(folder / "enforcer.sock"), "cache": str(folder / "cache")}
    base = {"cniVersion": "1.1.0", "name": "pods", "type": "ringfence-pod-gate", "prevResult": PREVIOUS}
    return {name: value for name, value in (base | own | more).items() if value is not None}


def started(command, config, netns="/var/run/netns/none", uid=UID, pod="train-0", space="research"):
    """The plugin, as the runtime starts it."""
    environment = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": "c0ffee",
        "CNI_NETNS": str(netns),
        "CNI_IFNAME": "eth0",
        "CNI_PATH": "/opt/cni/bin",
        "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE={space};K8S_POD_NAME={pod};K8S_POD_UID={uid}",
    }
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "ringfence.app.pod_gate"],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdin.write(config if isinstance(config, str) else json.dumps(config))
    process.stdin.close()
    return process


def finished(process):
    """(exit status, what it said)."""
    said = process.stdout.read()
    process.stdout.close()
    return process.wait(30), json.loads(said) if said else None


def run(command, config, **more):
    """One call from start to end."""
    return finished(started(command, config, **more))


def test_a_pod_waits_until_its_compartment_is_in_force_and_keeps_its_network(tmp_path, namespace):
    """ADD hangs, the signed order comes, ADD goes on with the very result that came before it; CHECK agrees."""

    def seen():
        shown = ["ip", "-n", namespace.name, "-o", "addr"]
        return subprocess.run(shown, capture_output=True, text=True, check=True).stdout

    before = seen()
    with Enforcer(tmp_path) as enforcer:
        process = started("ADD", configured(tmp_path, deadline=30), netns=namespace)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert enforcer.admit(UID).outcome == "applied"
        assert finished(process) == (0, PREVIOUS)
        assert run("CHECK", configured(tmp_path), netns=namespace) == (0, None)
        assert run("STATUS", configured(tmp_path)) == (0, None)
        assert enforcer.listed.read_text().splitlines()[1:] == [f"research/pod-{UID} {UID} a"]
    assert seen() == before
    assert run("DEL", configured(tmp_path), netns=namespace) == (0, None)


def test_a_pod_of_which_no_order_tells_is_held_at_the_deadline(tmp_path):
    """Error 11, "try again later", with the enforcer's own reason."""
    with Enforcer(tmp_path) as enforcer:
        enforcer.admit("another-pod")
        status, said = run("ADD", configured(tmp_path, deadline=0.2))
    assert (status, said["code"], said["cniVersion"]) == (1, 11, "1.1.0")
    assert "research/train-0 is held" in said["msg"]
    assert "on_outage = hold" in said["details"]


@contextmanager
def silent(path):
    """Something that listens where the enforcer should, and never answers. No part of Ringfence."""
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


def test_without_an_enforcer_the_configured_answer_is_given_and_a_known_pod_goes_on(tmp_path):
    """`hold` and `allow`; a pod let in before may start again, another one in its place may not."""
    assert run("ADD", configured(tmp_path))[1]["code"] == 11
    assert run("ADD", configured(tmp_path, onOutage="allow")) == (0, PREVIOUS)
    with Enforcer(tmp_path, on_outage="allow"):  # an answer for want of a better one is not remembered
        assert run("ADD", configured(tmp_path, deadline=0.1)) == (0, PREVIOUS)
    assert run("ADD", configured(tmp_path))[1]["code"] == 11
    with Enforcer(tmp_path) as enforcer:
        assert enforcer.admit(UID).error == ""
        assert run("ADD", configured(tmp_path)) == (0, PREVIOUS)
    assert run("DEL", configured(tmp_path)) == (0, None)
    assert run("ADD", configured(tmp_path)) == (0, PREVIOUS)
    assert run("ADD", configured(tmp_path), uid="another-uid")[1]["code"] == 11
    assert run("STATUS", configured(tmp_path))[1]["code"] == 50
    assert run("STATUS", configured(tmp_path, onOutage="allow")) == (0, None)
    (remembered,) = (tmp_path / "cache").iterdir()
    assert remembered.stat().st_mode & 0o777 == 0o600
    os.utime(remembered, (0, 0))
    assert run("ADD", configured(tmp_path))[1]["code"] == 11
    assert run("GC", configured(tmp_path)) == (0, None)
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_enforcer_that_never_answers_does_not_hang_the_pod(tmp_path):
    """The deadline ends it, and the configured answer counts."""
    with silent(tmp_path / "enforcer.sock"):
        status, said = run("ADD", configured(tmp_path, deadline=0.1))
    assert (status, said["code"]) == (1, 11)
    assert "onOutage is hold" in said["details"]


def test_exempt_namespaces_are_not_held(tmp_path):
    """The cluster's own pods, on which our server itself may rest."""
    assert run("ADD", configured(tmp_path, exempt=["kube-system"]), space="kube-system") == (0, PREVIOUS)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"onOutage": None}, 7),
        ({"onOutage": "open"}, 7),
        ({"deadline": 0}, 7),
        ({"deadline": True}, 7),
        ({"deadline": 1e9}, 7),
        ({"exempt": "kube-system"}, 7),
        ({"prevResult": None}, 7),
        ({"cniVersion": "0.2.0"}, 1),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_code_of_the_specification(tmp_path, change, code):
    """Nothing is let in by a mistake of configuration."""
    status, said = run("ADD", configured(tmp_path, **change))
    assert (status, said["code"]) == (1, code)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"a":"' + "x" * (1 << 20) + '"}'])
def test_a_configuration_that_is_none_is_refused(text):
    """Cut short, too deep, too long."""
    try:
        status, said = run("ADD", text)
    except BrokenPipeError:
        pytest.fail("the plugin did not read what it was given")
    assert (status, said["code"]) == (1, 6)


def test_the_versions_are_told(tmp_path):
    """VERSION, and a command that does not exist."""
    assert run("VERSION", {"cniVersion": "1.0.0"})[1]["supportedVersions"] == ["0.4.0", "1.0.0", "1.1.0"]
    assert run("DELETE", configured(tmp_path))[1]["code"] == 4
    assert run("ADD", configured(tmp_path), uid="")[1]["code"] == 4


def test_the_gate_imports_little():
    """It is in the way of every pod's start: nothing of Ringfence but itself, no library of others."""
    code = "import sys; import ringfence.app.pod_gate; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {name for name in loaded if name.startswith("ringfence")} == {
        "ringfence", "ringfence.app", "ringfence.app.pod_gate",
    }  # fmt: skip
    assert not {"msgspec", "asyncio", "numpy", "ssl", "subprocess", "httpx"} & set(loaded)
