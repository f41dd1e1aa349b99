"""Weights leave slowly, under every rate limit."""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import When, asked_of
from ringfence.assess.conditions import EXPORTS_READ, STORED, data
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T04",
    name="slow_theft",
    each=data("model", "checkpoint"),
    ways=(
        Way(
            "who reads them can also send outside",
            opens=(),
            reach=("it#stolen",),
            shut=(
                Control(
                    "nobody who reads them comes outside; exports, addresses and services of their server were read",
                    (EXPORTS_READ, asked_of("addresses", "server", STORED), asked_of("sockets", "server", STORED)),
                    ("AML.M0005",),
                ),
            ),
        ),
        Way(
            "what holds them has a door to the outside of its own",
            opens=(
                When(
                    (*STORED, Atom("reaches_outside", "server", "far")),
                    "the server of their storage sends to the outside",
                ),
                When(
                    (*STORED, Atom("attached_to", "server", "near"), Atom("reaches_outside", "near", "far")),
                    "a network of their server sends to the outside",
                ),
            ),
            shut=(
                Control(
                    "their server's addresses were read, and none of its networks leads outside",
                    (
                        asked_of("addresses", "server", STORED),
                        When((*STORED, Atom("attached_to", "server", "near")), "the networks of its server are known"),
                    ),
                ),
            ),
        ),
    ),
    why="At one megabit a second a small model is gone in days, and no threshold ever fires.",
    remedy=(
        "Give weight-holding nodes no route outside but one metered proxy, and budget bytes per day against "
        "the weights' size."
    ),
    phases=("checkpoint", "evaluate", "export"),
    stride=(Stride.DISCLOSURE,),
    atlas=("AML.T0025", "AML.T0048.004"),
    attack=("T1048", "T1567"),
)
