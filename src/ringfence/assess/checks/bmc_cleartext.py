"""The controller speaks no protocol that shows passwords."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-B08",
    name="bmc_cleartext",
    title="The controller speaks neither Telnet nor HTTP nor IPMI over the network",
    layer=Layer.PERIMETER,
    each=(all_of("bmc"),),
    fails=(
        When((Atom("setting", "it", Is("ipmi=on")),), "IPMI hands out a hash of the password to whoever asks"),
        When((Atom("setting", "it", Is("telnet=on")),), "Telnet shows passwords to the network"),
        When((Atom("setting", "it", Is("http=on")),), "HTTP without TLS shows passwords to the network"),
    ),
    rests=(
        asked_of("redfish"),
        When((Atom("setting", "it", Is("ipmi=off")),), "IPMI is off"),
        When((Atom("setting", "it", Like("http=off|https=on")),), "its web server speaks TLS"),
    ),
    why="IPMI must keep the password itself and its handshake gives away a hash to guess at; the others send it "
    "in clear.",
    remedy="Redfish over HTTPS only; switch IPMI over LAN, Telnet and HTTP off in ManagerNetworkProtocol.",
    opens=("connect",),
    weight=5,
    refs=Refs(nist=("SC-8",), attack=("T1552",), d3fend=("D3-ACH",)),
    source="IPMI 2.0 specification, RAKP; Redfish's ManagerNetworkProtocol",
)
