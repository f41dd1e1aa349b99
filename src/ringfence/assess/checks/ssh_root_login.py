"""The superuser opens no session over SSH."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-H02",
    name="ssh_root_login",
    title="The superuser opens no session over SSH",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(
        When(
            (Atom("setting", "it", Like("sshd.permitrootlogin=(?:yes|prohibit-password|without-password)")),),
            "sshd lets root in",
        ),
        When((Atom("setting", "it", Is("ssh_root=key")),), "for some connections at least"),
    ),
    rests=(
        asked_of("sshd"),
        When((Atom("setting", "it", Like("sshd.permitrootlogin=(?:no|forced-commands-only)")),), "sshd keeps root out"),
    ),
    why="A session as root says of nobody who it was, and one key on one desk is the superuser of every node.",
    remedy="Set PermitRootLogin no; administrators log in as themselves and use sudo, automation a forced command.",
    weight=5,
    threats=("RF.T18", "RF.T19"),
    refs=Refs(nist=("AC-6", "AC-17", "IA-2"), d3fend=("D3-ACH",), cis=("Linux 5.2.10",)),
    source="sshd_config(5), PermitRootLogin",
)
