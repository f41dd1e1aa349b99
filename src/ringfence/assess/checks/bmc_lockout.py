"""Passwords of the controller cannot be guessed without end."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-B09",
    name="bmc_lockout",
    title="The controller locks an account that is guessed at",
    layer=Layer.IDENTITY,
    each=(all_of("bmc"),),
    fails=(When((Atom("setting", "it", Is("account_lockout=off")),), "any number of guesses is allowed"),),
    rests=(
        asked_of("redfish"),
        When((Atom("setting", "it", Is("account_lockout=on")),), "an account locks after some guesses"),
    ),
    why="Nobody reads the controllers' logs: a slow guess over weeks is never seen.",
    remedy="Set AccountLockoutThreshold above 0, and a duration, in the AccountService of every controller.",
    weight=3,
    refs=Refs(nist=("AC-7",), d3fend=("D3-AL",)),
    source="Redfish's AccountService",
)
