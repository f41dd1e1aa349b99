"""The threats to AI workloads that are known by name: what detectors see and what assessments model.

Names only. Detectors say which of them they see, threat models when they are open; neither knows the other.
ATLAS ids are those of MITRE ATLAS 5.6.0, ATT&CK ids those of Enterprise ATT&CK 17.
"""

from collections.abc import Mapping

THREATS: Mapping[str, str] = {
    "RF.T01": "training data is poisoned between ingest and training",
    "RF.T02": "weights are stolen at rest",
    "RF.T03": "weights are stolen from memory or from a running job",
    "RF.T04": "weights leave slowly, under every rate limit",
    "RF.T05": "a checkpoint is tampered with",
    "RF.T06": "a rank manipulates its gang's collectives",
    "RF.T07": "a backdoored base model or artefact is loaded",
    "RF.T08": "a poisoned image or package runs in a job",
    "RF.T09": "a neighbour is observed over NVLink, counters or a shared accelerator",
    "RF.T10": "memory of an accelerator is read or flipped across tenants",
    "RF.T11": "a part is swapped or implanted in the supply chain",
    "RF.T12": "firmware or a management controller is subverted",
    "RF.T13": "somebody opens the chassis or the cabling",
    "RF.T14": "the scheduler is abused to reach other tenants' nodes",
    "RF.T15": "accelerators are hijacked, to mine or for work of somebody else",
    "RF.T16": "an insider takes what they may read",
    "RF.T17": "a cloud role or service account is abused",
    "RF.T18": "a stolen credential opens a login",
    "RF.T19": "an intruder moves from host to host",
    "RF.T20": "a job reaches across its compartment over IP, InfiniBand or NVLink",
    "RF.T21": "the fabric's own management is taken over",
    "RF.T22": "telemetry is silenced, forged or flooded",
    "RF.T23": "a container or job escapes to its host",
    "RF.T24": "runs are sabotaged or held up",
}
