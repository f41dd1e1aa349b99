"""Nobody mounts media or types at the console from afar, unless it is needed."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-B07",
    name="bmc_console",
    title="The controller's virtual media and remote console are off",
    layer=Layer.FIRMWARE,
    each=(all_of("bmc"),),
    fails=(
        When((Atom("setting", "it", Is("virtualmedia=on")),), "virtual media can be mounted over the network"),
        When((Atom("setting", "it", Is("kvmip=on")),), "screen and keyboard are offered over the network"),
    ),
    rests=(
        asked_of("redfish"),
        When((Atom("setting", "it", Is("virtualmedia=off")),), "virtual media is off"),
        When((Atom("setting", "it", Is("kvmip=off")),), "the remote console is off"),
    ),
    why="With both, an account of the controller boots a system of its own and reads every disk that is not "
    "sealed to the measured state.",
    remedy="Switch both off in the controller's network protocols after provisioning; on for the hour that needs them.",
    weight=4,
    refs=Refs(nist=("CM-7",), attack=("T1542",), d3fend=("D3-ACH",)),
    source="Redfish's ManagerNetworkProtocol",
)
