"""No host lets accounts in on another host's word."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-H04",
    name="host_trust",
    title="No host lets accounts in on another host's word",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(
        When((Atom("setting", "it", Is("sshd.hostbasedauthentication=yes")),), "sshd takes other hosts' word"),
        When((Atom("setting", "it", Is("ssh_hostbased=on")),), "for some connections at least"),
        When((Atom("trusts_host", "it", "other"),), "it names hosts that it believes", opens=("login",)),
        When((Atom("setting", "it", Is("trusts_every_host=on")),), "it believes every host", opens=("login",)),
    ),
    rests=(
        asked_of("sshd"),
        When((Atom("setting", "it", Is("sshd.hostbasedauthentication=no")),), "sshd takes no host's word"),
    ),
    why="The superuser of one node then walks to every other as any account: one fallen node is all of them.",
    remedy="Set HostbasedAuthentication no and remove shosts.equiv; launch ranks through the scheduler instead.",
    weight=7,
    threats=("RF.T19",),
    refs=Refs(nist=("IA-2", "IA-3"), d3fend=("D3-ACH",), cis=("Linux 5.2.9",)),
    source="sshd_config(5), HostbasedAuthentication",
)
