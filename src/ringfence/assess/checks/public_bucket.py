"""No bucket is open to callers whom nobody knows."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-D20",
    name="public_bucket",
    title="No bucket is open to callers whom nobody knows",
    layer=Layer.PERIMETER,
    each=(all_of("storage", named="storage:s3:.*"),),
    fails=(
        When((Atom("setting", "it", Is("public=write")),), "anyone may change what lies in it", opens=("write",)),
        When((Atom("setting", "it", Is("public=read")),), "anyone may read what lies in it"),
    ),
    rests=(asked_of("bucket-policy"),),
    why="Datasets and checkpoints are staged in buckets; a public one is a leak without a login, and a writable one "
    "poisons what is read from it next.",
    remedy="Switch the account's public access block on; grant roles, not principals `*`.",
    opens=("read",),
    weight=9,
    mismatch=Mismatch.DATA,
    refs=Refs(nist=("AC-3", "SC-7"), atlas=("AML.T0035",)),
    source="bucket policies and access lists as the provider evaluates them",
)
