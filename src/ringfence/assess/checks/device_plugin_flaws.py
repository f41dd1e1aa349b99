"""Known flaws of the plugin that hands accelerators to pods."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.ways import flawed, held_against, undecided

PRODUCT = "device-plugin"
ASKED, RESTS = held_against(PRODUCT)

CHECK = Check(
    id="RF-G17",
    name="device_plugin_flaws",
    title="No known flaw in the device plugin",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("runs_software", "it", Like("package:([a-z]{1,9}/)?(nvidia|k8s)-device-plugin")),)), ASKED),
    fails=(flawed(PRODUCT, "a bulletin names this version of the plugin as affected"),),
    rests=(RESTS,),
    doubts=(undecided(PRODUCT),),
    why="The plugin tells the runtime which devices a pod gets; with lists in CDI form its flaws lead out of the "
    "container.",
    remedy="Update to a version above 0.17.2.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2",), d3fend=("D3-SU",)),
    source="NVIDIA's security bulletins (CSAF), read at run time",
)
