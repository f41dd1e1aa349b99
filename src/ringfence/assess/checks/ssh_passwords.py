"""No password opens a session."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-H01",
    name="ssh_passwords",
    title="No password opens a session",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(When((Atom("setting", "it", Is("sshd.passwordauthentication=yes")),), "sshd takes passwords"),),
    rests=(
        asked_of("sshd"),
        When((Atom("setting", "it", Is("sshd.passwordauthentication=no")),), "sshd takes no passwords"),
    ),
    why="A password is guessed, reused and phished; one of thousands of accounts always has a weak one.",
    remedy="Set PasswordAuthentication no in sshd_config; keys, certificates or a second factor instead.",
    weight=4,
    threats=("RF.T18",),
    refs=Refs(nist=("IA-2", "IA-5", "AC-17"), d3fend=("D3-ACH",)),
    source="sshd_config(5)",
)
