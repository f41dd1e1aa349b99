"""Nobody becomes the superuser without being asked who they are."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-H06",
    name="sudo_without_password",
    title="Nobody becomes the superuser without being asked who they are",
    layer=Layer.IDENTITY,
    each=(all_of("host"),),
    fails=(
        When((Atom("may_sudo", "who", "it", {"nopasswd": True}),), "sudo asks for no password"),
        When((Atom("may_sudo", Is("identity:*"), "it"),), "every account may use sudo"),
    ),
    rests=(asked_of("sudoers", complete=True),),
    why="Whatever runs as that account, a job among it, is the superuser of the host a second later.",
    remedy="Take NOPASSWD out of sudoers; where automation needs it, name one program that is no way to a shell.",
    opens=("root",),
    weight=7,
    threats=("RF.T19", "RF.T23"),
    refs=Refs(nist=("AC-6", "IA-11"), d3fend=("D3-UAP",)),
    source="sudoers(5), NOPASSWD",
)
