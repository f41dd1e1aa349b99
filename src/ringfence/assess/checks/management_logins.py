"""Hosts of the management zone let in named administrators only."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

_ZONE = Atom("in_zone", "it", Is("management"))

CHECK = Check(
    id="RF-H12",
    name="management_logins",
    title="Hosts of the management zone let in named administrators only",
    layer=Layer.PERIMETER,
    each=(When((_ZONE,), kinds={"it": ("host",)}),),
    fails=(
        When((_ZONE, Atom("setting", "it", Is("ssh_login=any"))), "sshd lets every account in", opens=("login",)),
        When(
            (_ZONE, Atom("may_login", "who", "it"), Atom("runs_as", "job", "who")),
            "an account that runs jobs may log in",
            opens=("login",),
            kinds={"job": ("job",)},
        ),
    ),
    rests=(asked_of("sshd", complete=True), asked_of("users", complete=True)),
    why="A user's session beside the controller needs one local flaw to be the superuser of the whole cluster.",
    remedy="AllowGroups with the administrators' group in sshd_config of every controller, file and management server.",
    weight=5,
    threats=("RF.T18", "RF.T19"),
    refs=Refs(nist=("AC-3", "AC-17"), cis=("Linux 5.2.18",)),
    source="NIST SP 800-223, management zone",
)
