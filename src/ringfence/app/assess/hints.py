"""What to collect next, for coverage that a check lacks."""

from collections.abc import Iterable, Mapping

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
    "parts-compared": "an earlier estate of the same cluster: `ringfence diff` finds parts that were exchanged",
    "pkeys": "run the script of `ringfence capture-script` beside the subnet manager, and `ibnetdiscover -p` there",
    "source-tenants": "which tenant each dataset belongs to, in the inventory (docs/inventory.md)",
    "switch-config": "the switches' own configuration, put below the capture",
    "lineage": "OpenLineage or MLflow events below the capture, or facts of one's own (docs/estate.md)",
}
"""Coverage aspect → what a person does to have it answered."""


def hint(aspects: Iterable[str]) -> str:
    """What to do so that a check can say something; never empty."""
    said = dict.fromkeys(_one(aspect) for aspect in aspects)
    return "; ".join(said) or "say it in facts of your own (docs/estate.md)"


def _one(aspect: str) -> str:
    if aspect.startswith("advisories/"):
        return _BULLETINS
    if aspect.startswith("kubernetes"):
        return _KUBERNETES
    return HINTS.get(aspect, _NODE)
