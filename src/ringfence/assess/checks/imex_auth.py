"""Daemons that share accelerator memory across hosts prove who they are."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-G15",
    name="imex_auth",
    title="IMEX daemons authenticate one another",
    layer=Layer.ACCELERATOR,
    each=(
        When((Atom("setting", "it", Prefix("imex_")),), kinds={"it": ("host",)}),
        When((Atom("uses_imex", "it", "channel"),), kinds={"it": ("host",)}),
    ),
    fails=(When((Atom("setting", "it", Is("imex_auth=none")),), "IMEX_ENABLE_AUTH_ENCRYPTION is off"),),
    rests=(
        asked_of("imex-config"),
        When((Atom("setting", "it", Like("imex_auth=(tls|gss|on|[a-z0-9_-]{1,30}tls)")),), "IMEX asks for proof"),
    ),
    why="The daemons hand out memory of accelerators across the hosts of an NVLink domain; without proof whoever "
    "reaches their port speaks as a member.",
    remedy="IMEX_ENABLE_AUTH_ENCRYPTION=1 with certificates per host in /etc/nvidia-imex/config.cfg.",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("IA-3", "SC-8")),
    source="NVIDIA's IMEX service guide, authentication and encryption",
)
