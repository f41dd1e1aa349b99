"""Holds a pod on its node until its compartment is in force: a chained plugin of the Container Network Interface.

        runtime ─ADD─▶ other plugins ─prevResult─▶ pod gate ─▶ the node's enforcer: wait-job ─▶ go on, or "try again"

Prolog's counterpart on Kubernetes. It stands last in the list of a node's plugins, changes nothing in the network, and
passes on what came before it. On "hold" it answers error 11, upon which the kubelet takes the pod's sandbox down and
tries again later. DEL never fails. CNI specification 1.1 (0.4 and 1.0 as well): ADD, CHECK, DEL, GC, STATUS, VERSION.

    {"type": "ringfence-pod-gate", "onOutage": "hold", "deadline": 20, "exempt": ["kube-system"],
     "socket": "/run/ringfence/enforcer.sock", "cache": "/run/ringfence/pods"}

`onOutage` must be set: what to say when no enforcer answers and no verdict on this pod is remembered. This file is in
the way of every pod's start, so it imports the standard library only, and little of it.
"""

import json
import os
import socket
import sys
import time
from hashlib import blake2b

VERSIONS = ("0.4.0", "1.0.0", "1.1.0")
SOCKET, CACHE = "/run/ringfence/enforcer.sock", "/run/ringfence/pods"
DEADLINE, LONGEST_DEADLINE, LONGEST = 20.0, 110.0, 1 << 20
"""Seconds; the kubelet gives a sandbox up after two minutes or so. Bytes of a configuration or an answer."""
KEEP = 86_400.0
"""Seconds that the last verdict on a pod is remembered."""
INCOMPATIBLE, UNKNOWN, UNREADABLE, INVALID, LATER, NOT_READY = 1, 4, 6, 7, 11, 50
"""Codes of errors (CNI specification, section 2, "Error")."""


class Refusal(Exception):
    """What the runtime is told instead of a result."""

    def __init__(self, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code, self.details = code, details


def number_of(identity: str) -> str:
    """The number under which orders cover a pod: 12 digits from its UID, the first one 9, beyond any job's number.

    >>> number_of("8f4c2a80-1111-4222-8333-944455556666")
    '913843883646'
    """
    return f"9{int.from_bytes(blake2b(identity.encode(), digest_size=8).digest()) % 10**11:011d}"


def main() -> int:
    """What the runtime starts: the command in the environment, the configuration on standard input."""
    version = VERSIONS[-1]
    try:
        config = _config(sys.stdin.buffer.read(LONGEST + 1))
        version = str(config.get("cniVersion", version))
        said = _answer(os.environ.get("CNI_COMMAND", ""), config)
    except Refusal as refusal:
        told = {"cniVersion": version, "code": refusal.code, "msg": str(refusal), "details": refusal.details}
        sys.stdout.write(json.dumps(told) + "\n")
        return 1
    if said is not None:
        sys.stdout.write(json.dumps(said) + "\n")
    return 0


def _answer(command: str, config: dict[str, object]) -> dict[str, object] | None:
    if command == "VERSION":
        return {"cniVersion": config.get("cniVersion", VERSIONS[-1]), "supportedVersions": list(VERSIONS)}
    if command in ("DEL", "GC"):
        _prune(config)
        return None
    if config.get("cniVersion") not in VERSIONS:
        raise Refusal(INCOMPATIBLE, f"cniVersion {config.get('cniVersion')!r} is not one of {', '.join(VERSIONS)}")
    if command == "STATUS":
        _ready(config)
        return None
    if command not in ("ADD", "CHECK"):
        raise Refusal(UNKNOWN, f"CNI_COMMAND {command!r} is not known")
    before = config.get("prevResult")
    if not isinstance(before, dict):
        raise Refusal(INVALID, "no prevResult: the pod gate stands after the plugin that makes the interface")
    _gate(config, _arguments())
    return before if command == "ADD" else None


def _config(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data) if len(data) <= LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refusal(UNREADABLE, "standard input is no network configuration")
    return found


def _arguments() -> dict[str, str]:
    pairs = (part.partition("=") for part in os.environ.get("CNI_ARGS", "").split(";"))
    return {name: value for name, _, value in pairs}


def _gate(config: dict[str, object], pod: dict[str, str]) -> None:
    """Return if the pod may start. Raises `Refusal`."""
    outage, deadline, exempt = _settings(config)
    namespace, name = pod.get("K8S_POD_NAMESPACE", ""), pod.get("K8S_POD_NAME", "")
    if namespace in exempt:
        return
    if not namespace or not name:
        raise Refusal(UNKNOWN, "CNI_ARGS names no pod (K8S_POD_NAMESPACE, K8S_POD_NAME)")
    identity = pod.get("K8S_POD_UID", "")
    if not identity:  # a name is used again by the next pod of that name
        raise Refusal(UNKNOWN, "CNI_ARGS names no K8S_POD_UID: this runtime is too old for the gate")
    number = number_of(identity)
    cache = os.path.join(str(config.get("cache", CACHE)), number)
    try:
        verdict, why = _ask(str(config.get("socket", SOCKET)), number, deadline)
    except (OSError, ValueError) as error:
        known = _known(cache, identity)
        verdict, why = ("allow", "") if known else (outage, f"no enforcer answers ({error}); onOutage is {outage}")
    else:
        if verdict == "allow" and why.startswith("in force"):  # not what an outage or a release allowed
            _remember(cache, identity)
    if verdict != "allow":
        raise Refusal(LATER, f"{namespace}/{name} is held: its compartment is not in force on this node", why)


def _settings(config: dict[str, object]) -> tuple[str, float, list[str]]:
    outage, deadline, exempt = config.get("onOutage"), config.get("deadline", DEADLINE), config.get("exempt", [])
    if outage not in ("allow", "hold"):
        raise Refusal(INVALID, 'onOutage must be set, to "allow" or "hold"')
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or not 0 < deadline <= LONGEST_DEADLINE:
        raise Refusal(INVALID, f"deadline must be seconds, more than 0 and at most {LONGEST_DEADLINE:.0f}")
    if not isinstance(exempt, list) or not all(isinstance(one, str) for one in exempt):
        raise Refusal(INVALID, "exempt must be a list of namespaces")
    return str(outage), float(deadline), exempt


def _ask(path: str, number: str, deadline: float) -> tuple[str, str]:
    """(verdict, why) of the node's enforcer. Raises `OSError` or `ValueError` where it gives none in time."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(deadline + 2.0)
        connection.connect(path)
        asked = {"verb": "wait-job", "job": number, "deadline": deadline}
        connection.sendall(json.dumps(asked).encode() + b"\n")
        with connection.makefile("rb") as file:
            answer = json.loads(file.readline(LONGEST))
    if not isinstance(answer, dict) or answer.get("verdict") not in ("allow", "hold"):
        raise ValueError(f"answered {str(answer)[:200]}")
    return answer["verdict"], str(answer.get("why", ""))


def _known(path: str, identity: str) -> bool:
    try:
        with open(path, encoding="utf-8", opener=_opener) as file:
            is_fresh = time.time() - os.fstat(file.fileno()).st_mtime <= KEEP
            return is_fresh and file.read(1024) == identity
    except (OSError, ValueError):
        return False


def _remember(path: str, identity: str) -> None:
    """A pod that was let in once may start its sandbox anew while our own side is away."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8", opener=_opener) as file:
            file.write(identity)
    except OSError:
        pass  # without a memory the gate asks each time


def _prune(config: dict[str, object]) -> None:
    """Forget verdicts that are too old. Not that of this pod: its sandbox goes, and it may get another."""
    try:
        with os.scandir(str(config.get("cache", CACHE))) as found:
            for one in found:
                if time.time() - one.stat(follow_symlinks=False).st_mtime > KEEP:
                    os.unlink(one.path)
    except OSError:
        pass


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _ready(config: dict[str, object]) -> None:
    """STATUS: ready where an enforcer listens, or where an outage is to let pods in."""
    outage, _, _ = _settings(config)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(config.get("socket", SOCKET)))
    except OSError as error:
        if outage == "hold":
            raise Refusal(NOT_READY, f"no enforcer answers, and pods are held: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
