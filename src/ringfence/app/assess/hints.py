"""What to collect next, for coverage that a check lacks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ringfence.estate.estate import Estate

_ADVISORIES = "advisories/"

_NODE = "run the script of `ringfence capture-script` on the host, as root, and collect again"
_SLURM = "run the script of `ringfence capture-script` on the scheduler's controller"
_KUBERNETES = "`ringfence collect --live` with a kubeconfig that may list, or the files of `kubectl get -o json`"
_BMC = "`ringfence collect --live` with the controllers' Redfish addresses, or a folder of their Redfish answers"
_CLOUD = "the cloud's own listings (docs/design/cloud.md names the calls), put below the capture"
_STORAGE = "on the file server: /etc/exports, `lctl get_param nodemap.*`, and listings of the data's folders"
_BULLETINS = "`ringfence audit --csaf DIR` with the makers' bulletins, and captures that say the versions"
_FABRIC = "run the script of `ringfence capture-script` beside the subnet manager"

HINTS: Mapping[str, str] = {
    **dict.fromkeys(
        ("addresses", "devices", "gpu", "gpu-params", "kernel", "mounts", "nvlink", "pam", "programs", "rdma"), _NODE
    ),
    **dict.fromkeys(("runtime", "runtime-sockets", "sockets", "ssh-keys", "sshd", "sudoers", "users"), _NODE),
    **dict.fromkeys(("slurm-conf", "cgroup-conf", "slurmdbd-conf", "scheduler-key", "oversubscribe"), _SLURM),
    **dict.fromkeys(("redfish",), _BMC),
    **dict.fromkeys(("cloud", "bucket-policy"), _CLOUD),
    **dict.fromkeys(("exports", "nodemap", "folders"), _STORAGE),
    **dict.fromkeys(("fabric", "opensm-conf", "partitions"), _FABRIC),
    "bmc-credentials": "credentials of the controllers, as facts (docs/estate.md): none tells its own password",
    "cable-plan": "the cabling plan as facts (docs/estate.md), to hold what is cabled against it",
    "egress": "sizes of models and `reaches_outside` with mbit_s, as facts (docs/estate.md)",
    "imex-config": _NODE,
    "jobs": "`squeue --json` or `scontrol show job` of the time, from the scheduler's controller",
    "parts-compared": "`ringfence audit --before FILE` with an earlier estate of the same cluster, where the "
    "controllers' Redfish answered both times",
    "pkeys": "run the script of `ringfence capture-script` beside the subnet manager, and `ibnetdiscover -p` there",
    "source-tenants": "which tenant each dataset belongs to, in the inventory (docs/inventory.md)",
    "switch-config": "the switches' own configuration, put below the capture",
    "lineage": "OpenLineage or MLflow events below the capture, or facts of one's own (docs/estate.md)",
}
"""Coverage aspect → what a person does to have it answered."""


_LOOKED_AT = 200
"""Subjects of one gap whose bulletins' reasons are read."""
_REASONS = 3


def hint(aspects: Iterable[str], said: Mapping[str, Sequence[str]] | None = None) -> str:
    """What to do so that a check can say something; never empty.

    `said`, where bulletins were given: per aspect of theirs why they decided nothing.
    """
    told = dict.fromkeys(_one(aspect) if said is None else _judged(aspect, said) for aspect in aspects)
    return "; ".join(told) or "say it in facts of your own (docs/estate.md)"


def reasons(estate: Estate, subjects: Iterable[str], aspects: Iterable[str]) -> dict[str, list[str]]:
    """Aspect → why bulletins decided nothing of these subjects, what is said most often first."""
    wanted = [aspect for aspect in aspects if aspect.startswith(_ADVISORIES)]
    found: dict[str, Counter[str]] = {aspect: Counter() for aspect in wanted}
    for subject in islice(subjects, _LOOKED_AT if wanted else 0):
        for fact in estate.about(subject, "asked"):
            if fact.object in found and not fact.attributes.get("answered"):
                found[fact.object][str(fact.attributes.get("reason", ""))] += 1
    return {aspect: [why for why, _ in told.most_common(_REASONS) if why] for aspect, told in found.items()}


def _judged(aspect: str, said: Mapping[str, Sequence[str]]) -> str:
    """Of an aspect where bulletins were given: their own reasons."""
    if not aspect.startswith(_ADVISORIES):
        return _one(aspect)
    product = aspect.removeprefix(_ADVISORIES)
    why = said.get(aspect) or [f"which {product} is installed is not known: captures that say its version"]
    return "; ".join(why)


def _one(aspect: str) -> str:
    if aspect.startswith(_ADVISORIES):
        return _BULLETINS
    if aspect.startswith("kubernetes"):
        return _KUBERNETES
    return HINTS.get(aspect, _NODE)
