"""A shell that talks to the network: by how it was started, or because a shell has a connection of its own."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import DAY, HOUR, Learning, Seen, Sums, clock
from ringfence.watch.rows import foothold, matching, named, noticed, shown, who
from ringfence.watch.talk import Talk, talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D08",
    name="reverse_shell",
    title="A shell talks to the network",
    meaning="A shell or interpreter was started as a reverse shell is, or a shell itself has a connection; no shell "
    "opens one by itself.",
    stage=NODE,
    sees=(classes.PROCESS, classes.NETWORK),
    threats=("RF.T19", "RF.T08"),
    attack=("T1059.004", "T1071"),
    false="A script of an operator that tests a port with the shell's own means.",
    severity=75,
    urgent=True,
)

SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "tcsh", "csh", "busybox"))
RELAYS = frozenset(("nc", "ncat", "netcat", "nc.openbsd", "nc.traditional", "socat", "telnet", "xterm", "script"))
COMMAND = (
    r"/dev/(tcp|udp)/|\bn(c|cat|etcat)\b.*\s-[a-z]*(e|c)\s*\S*sh\b|\bsocat\b.*\bexec\b|"
    r"\bbash\s+-i\b.*(>&|0<&|<&)|pty\.spawn|(?i)\bsocket\b.*\b(dup2|subprocess|/bin/(ba)?sh)|"
    r"\bmkfifo\b.*\bn(c|cat)\b|openssl\s+s_client\b.*\|\s*(/bin/)?(ba)?sh"
)
"""As such shells are started, in one expression of linear time; and words of which each has one."""
_WORDS = "/dev/tcp/ /dev/udp/ ncat netcat socat bash pty.spawn socket SOCKET Socket s_client"
WORDS = ("nc ", *_WORDS.split())
KNOWN = 2 * DAY


class State(msgspec.Struct):
    """Connections that shells and relays of an account have as a habit, and bytes of those that are new."""

    learning: Learning = msgspec.field(default_factory=Learning)
    habits: Seen = msgspec.field(default_factory=Seen)
    bytes: Sums = msgspec.field(default_factory=lambda: Sums(width=HOUR, slots=2))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Commands that start, and connections whose program is a shell."""
    for row in matching(batch, "process.cmd_line", batch.rows(classes.PROCESS), COMMAND, WORDS).tolist():
        one = who(batch, row)
        why = f"{one.user or 'somebody'} started {shown(batch.text('process.cmd_line', row))}"
        yield noticed(about, one, f"{one.host}|{one.user}|command", why, confidence=0.85, holds=foothold(one))
    flows = talk(batch, view.site, classes.NETWORK)
    programs = flows.values(4)
    risky = np.array([name in SHELLS or name in RELAYS for name in programs] + [False])
    if not risky.any():
        return
    learned = state.learning.done(clock(batch))
    for at in risky[flows.codes(4)].nonzero()[0].tolist():
        yield from _flow(state, flows, at, batch, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _flow(state: State, flows: Talk, at: int, batch: Batch, learned: bool) -> Iterator[Signal]:
    one = who(batch, int(flows.first[at]))
    target, port, program = flows.target(at), int(flows.port[at]), flows.process(at)
    outside = bool(flows.outside[at])
    key = f"{one.user}|{program}|{target}|{port}"
    before = state.habits.at.get(key)
    if before is None:
        state.habits.add(key, one.time)
    if before is not None and learned and before < one.time - KNOWN:
        return
    if program in RELAYS and not outside and not one.job:
        return
    total = state.bytes.add(key, one.time, float(flows.out[at] + flows.back[at]))
    why = f"{program} of {one.user or one.job or 'somebody'} talks to {shown(target)}:{port}, {total / 1e3:,.1f} kB"
    confidence = 0.8 if outside and program in SHELLS else 0.6
    peer = flows.peers[int(flows.codes(1)[at])]
    more = [named("host", peer)] if peer else []
    key = f"{one.host}|{one.user}|{target}"
    yield noticed(about, one, key, why, *more, confidence=confidence, holds=foothold(one), peers=(target,))
