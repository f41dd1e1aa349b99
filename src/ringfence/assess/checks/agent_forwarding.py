"""Nobody's SSH agent answers on a host that others use."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-H05",
    name="agent_forwarding",
    title="Nobody's SSH agent answers on a host that others use",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(
        When((Atom("setting", "it", Is("ssh_agents=on")),), "sshd lets agents through"),
        When((Atom("agent_forwarded", "who", "it"),), "an agent answers there", opens=("who#use",)),
    ),
    rests=(
        asked_of("sshd"),
        When((Atom("setting", "it", Like("sshd.allowagentforwarding=no")),), "sshd lets no agent through"),
    ),
    why="Whoever is root there signs in as that person wherever their key opens, and leaves no trace at home.",
    remedy="Set AllowAgentForwarding no; people use ProxyJump, and keys that ask for a touch.",
    weight=4,
    threats=("RF.T18", "RF.T19"),
    refs=Refs(nist=("AC-17", "IA-5"), d3fend=("D3-ACH",)),
    source="sshd_config(5), AllowAgentForwarding",
)
