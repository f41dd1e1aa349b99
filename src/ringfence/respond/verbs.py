"""What can be done about an incident: one line per verb, in the order in which a plan does them.

Grades, from watching closer to a hard cut: the user says up to which one nobody is asked.
"""

from enum import IntEnum

import msgspec


class Grade(IntEnum):
    """How hard a cut is."""

    WATCH = 0
    THROTTLE = 1
    BLOCK = 2
    ISOLATE = 3
    EXPEL = 4
    HARD = 5


class Verb(msgspec.Struct, frozen=True):
    """`target` is the driver that does it, `field` the field of its document (`wire.contain`) that names the subject.

    `rank` is the place in the order. `expires`: it lapses by itself and is renewed while the incident is open.
    `undo`: "" where it is undone set-equal, else what stays. `seconds`: how long the cut takes until it is read back,
    as planned with until this site has measured it.
    """

    name: str
    title: str
    target: str
    field: str
    grade: Grade
    rank: int
    seconds: float
    expires: bool = False
    undo: str = ""


VERBS: dict[str, Verb] = {
    one.name: one
    for one in (
        Verb("watch-closer", "count every packet to it", "contain", "counted", Grade.WATCH, 0, 0.1, True),
        Verb("throttle", "slow it down", "contain", "throttled", Grade.THROTTLE, 0, 0.1, True),
        Verb("block", "block an address", "contain", "blocked", Grade.BLOCK, 0, 0.1, True),
        Verb("block-user", "block what an account sends", "contain", "users", Grade.BLOCK, 0, 0.1, True),
        Verb("block-job", "block what a job sends", "contain", "jobs", Grade.BLOCK, 0, 0.1, True),
        Verb("isolate", "cut the host off, all but management", "contain", "isolated", Grade.ISOLATE, 0, 0.1, True),
        Verb("quarantine", "take a port out of every partition", "quarantine", "ports", Grade.ISOLATE, 0, 1.0, True),
        Verb("end-flows", "end connections that are blocked now", "flows", "", Grade.BLOCK, 1, 0.5,
             undo="ended connections stay ended"),
        Verb("end-sessions", "end SSH logins of an account", "sessions", "users", Grade.ISOLATE, 1, 0.5,
             undo="ended sessions stay ended"),
        Verb("limit-user", "let an account submit no job", "scheduler", "users", Grade.EXPEL, 2, 1.0),
        Verb("revoke-key", "have sshd refuse a key", "keys", "revoked", Grade.EXPEL, 3, 0.5),
        Verb("revoke-binding", "take a role binding away", "bindings", "revoked", Grade.EXPEL, 3, 1.0),
        Verb("cancel", "cancel a job", "scheduler", "jobs", Grade.EXPEL, 4, 1.0,
             undo="a cancelled job stays cancelled; it can be submitted again"),
        Verb("drain", "let no new job start on a node", "scheduler", "nodes", Grade.EXPEL, 5, 1.0),
        Verb("hard-cut", "switch the leaf port off", "ports", "off", Grade.HARD, 6, 0.1,
             undo="a port that was switched off may need a hand at the switch"),
    )
}  # fmt: skip
"""By name. Every verb has its row in docs/design/respond.md."""
