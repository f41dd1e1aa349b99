"""`ringfence-pattern/1`: how an attack went, without who it went through, so that another site can ask "and here?".

        {"format":"ringfence-pattern/1",
         "threats":["RF.T03"], "atlas":["AML.T0025"], "attack":["T1048"],
         "signals":["RF.D01"],                    what noticed it: our detectors and Sigma rules by id
         "nodes":[{"kind":"identity"},{"kind":"host"},{"kind":"","value":"privileged"}],
         "starts":[{"node":0,"capability":"use"}],
         "steps":[{"move":"RF-M005","start":[…],"to":{"node":1,"capability":"user"},
                   "facts":[{"predicate":"may_login","subject":0,"object":1}],"minutes":[1.0,5.0]}],
         "ends":[{"node":4,"capability":"read"}],
         "stops":[{"move":"RF-M005"},{"node":1}], what would have ended the way, best first
         "verbs":["block","cancel"]}              what was done

A node stands for one thing wherever its number stands, and says its kind alone: no name, address, number or time of the
site is in a pattern. A value is told only if our own moves name it or it is a CVE id.
"""

from typing import Annotated

import msgspec

FORMAT = "ringfence-pattern/1"
LARGEST = 1 << 20
"""Bytes beyond which a pattern is not read."""
MOST = 500

Number = Annotated[int, msgspec.Meta(ge=0, lt=4 * MOST)]
Texts = Annotated[tuple[Annotated[str, msgspec.Meta(max_length=100)], ...], msgspec.Meta(max_length=MOST)]


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something, by its kind; a plain value has none. `value` is told where it names nobody."""

    kind: str
    value: str = ""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A position: what is held of a node."""

    node: Number
    capability: str


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fact between two nodes."""

    predicate: str
    subject: Number
    object: Number


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A move, from all of `start` to `to`, resting on `facts`."""

    move: str
    start: Annotated[tuple[Place, ...], msgspec.Meta(max_length=8)]
    to: Place
    facts: Annotated[tuple[Shape, ...], msgspec.Meta(max_length=16)] = ()
    minutes: tuple[float, float] = (0.0, 0.0)


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A move that is repaired everywhere, or (`move` "") a node that is cut off."""

    move: str = ""
    node: int = -1


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an attack went. Without steps the estate did not know the way."""

    format: str
    threats: Texts = ()
    atlas: Texts = ()
    attack: Texts = ()
    signals: Texts = ()
    nodes: Annotated[tuple[Node, ...], msgspec.Meta(max_length=4 * MOST)] = ()
    starts: Annotated[tuple[Place, ...], msgspec.Meta(max_length=MOST)] = ()
    steps: Annotated[tuple[Step, ...], msgspec.Meta(max_length=MOST)] = ()
    ends: Annotated[tuple[Place, ...], msgspec.Meta(max_length=MOST)] = ()
    stops: Annotated[tuple[Stop, ...], msgspec.Meta(max_length=MOST)] = ()
    verbs: Texts = ()
