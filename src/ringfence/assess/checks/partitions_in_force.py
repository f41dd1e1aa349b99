"""The partition tables are what the managers' file says."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import INFINIBAND

CHECK = Check(
    id="RF-F14",
    name="partitions_in_force",
    title="Partition tables are what the managers' common file says",
    layer=Layer.FABRIC,
    each=(*INFINIBAND,),
    fails=(
        When(
            (Atom("setting", "it", Is("partitions_conf=fails-open")), Atom("part_of", "pkey", "it", {"kind": "pkey"})),
            "the manager reads its file as: everyone is a full member",
            opens=("pkey#send",),
        ),
        When((Atom("setting", "it", Is("partitions_conf=fails-open")),), "the file fails open", opens=()),
        When(
            (Atom("setting", "it", Is("partitions_conf=differs-from-tables")),),
            "tables of ports differ from what the file makes",
        ),
        When(
            (Atom("setting", "it", Is("partitions_conf=differs-between-managers")),),
            "two managers hold two files: a change of master changes the partitions",
        ),
    ),
    rests=(
        asked_of("pkeys"),
        When((Atom("setting", "it", Is("partitions_conf=in-force")),), "the file was read and does not fail open"),
    ),
    why="A file that the manager cannot read, or that another manager does not have, opens the fabric at the next "
    "restart without a word; tables that differ were written by somebody else.",
    remedy="One verified partitions.conf on every manager; read the tables back after each change, and alarm on a "
    "change of master.",
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("CM-6",), attack=("T1557",)),
    source="opensm's partition configuration; the tables read back",
)
