"""One drawn policy, what it means pair by pair, and whether writer, prover and a naive judge agree on it."""

import random
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ringfence.errors import InputError
from ringfence.segment.model import SYMMETRIC, Compiled, Residual
from ringfence.segment.what import parse
from tests.segment.faults.fault import Scene

Pair = tuple[str, str, str]
"""(source, target, what of)"""

Judge = Callable[[Compiled], tuple[set[Pair], set[Pair]]]
"""Artefacts → (all that could pass, all that passes for sure); the same set where there is no doubt."""

Damage = Callable[[random.Random, str], str]


class Case(msgspec.Struct, frozen=True):
    """`probes` are the kinds of traffic that are tried; `sources`, `targets`: what endpoints begin with.

    `others`: endpoints beside those of the policy. `breaks`: whether what is right may break, since the target cannot
    say it. `aside`: pairs that are not judged.
    """

    scene: Scene
    plane: str
    judge: Judge
    damage: Damage
    probes: tuple[str, ...] = ("any",)
    sources: str = ""
    targets: str = ""
    breaks: bool = False
    others: tuple[str, ...] = ()
    aside: Callable[[str, str], bool] = lambda source, target: False

    @property
    def both_ways(self) -> bool:
        """Whether a pair is meant both ways."""
        return self.plane in SYMMETRIC

    def ends(self) -> list[str]:
        """Every endpoint that is judged."""
        of_groups = {one for group in self.scene.policy.groups.values() for one in group.on(self.plane)}
        return sorted(of_groups | {*self.others})

    def meant(self) -> set[Pair]:
        """By the definition of `Allow`, spelled out."""
        groups = self.scene.policy.groups
        found = {
            (source, target, probe)
            for allow in self.scene.policy.on(self.plane)
            for source in groups[allow.source].on(self.plane)
            for target in groups[allow.target].on(self.plane)
            for probe in self.probes
            if fits(allow.what, probe)
        }
        return self._judged(found)

    def told(self, residuals: Iterable[Residual]) -> set[Pair]:
        """All that residuals of this plane name."""
        found = {
            (source, target, probe)
            for one in residuals
            if one.plane == self.plane
            for source in self._named(one.source)
            for target in self._named(one.target)
            for probe in self.probes
        }
        return self._judged(found)

    def _named(self, name: str) -> Sequence[str]:
        if name == "*":
            return self.ends()
        groups = self.scene.policy.groups
        return [end for one in name.split(", ") for end in (groups[one].on(self.plane) if one in groups else (one,))]

    def _judged(self, found: set[Pair]) -> set[Pair]:
        turned = {(target, source, probe) for source, target, probe in found} if self.both_ways else set()
        return {one for one in found | turned if self.looks_at(*one[:2])}

    def looks_at(self, source: str, target: str) -> bool:
        """Whether a pair is one that this target is about."""
        fits_ = source.startswith(self.sources) and target.startswith(self.targets)
        return fits_ and source != target and not self.aside(source, target)

    def wrong(self, made: Compiled) -> set[Pair]:
        """(kind, source, target) that are open and should not be, or the reverse."""
        ends = {*self.ends()}
        most, least = (
            {one for one in found if one[0] == one[1] or ({*one[:2]} <= ends and self.looks_at(*one[:2]))}
            for found in self.judge(made)
        )
        meant = self.meant()
        leaks, breaks = most - meant - self.told(made.residuals), meant - least
        return {("leak", *one[:2]) for one in leaks} | {("break", *one[:2]) for one in breaks}


def fits(what: str, probe: str) -> bool:
    """Whether a rule about `what` is about this kind of traffic: `tcp/22`, `ro`, `gre`."""
    rule = parse(what)
    protocol, _, port = probe.partition("/")
    if rule.protocol in ("any", "rw"):
        return True
    return rule.protocol == protocol and rule.low <= int(port or rule.low) <= rule.high


def agree(case: Case, chance: random.Random) -> None:
    """What is written is what is meant; and written or damaged, the prover finds what the judge finds."""
    made = case.scene.write()
    wrong = case.wrong(made)
    assert {one[0] for one in wrong} <= ({"break"} if case.breaks else set()), wrong
    _same(case, made)
    for _ in range(2):
        if made.artefacts:
            _same(case, damaged(case, chance, made))


def damaged(case: Case, chance: random.Random, made: Compiled) -> Compiled:
    """One artefact with something else in it."""
    at = chance.randrange(len(made.artefacts))
    one = made.artefacts[at]
    fresh = msgspec.structs.replace(one, text=case.damage(chance, one.text))
    return msgspec.structs.replace(made, artefacts=(*made.artefacts[:at], fresh, *made.artefacts[at + 1 :]))


def _same(case: Case, made: Compiled) -> None:
    """The prover's kinds are the judge's, and each of its witnesses is one of the judge's pairs."""
    try:
        proof = case.scene.prove(made)
    except InputError:
        return  # a text that the target would refuse: nothing of it comes in force
    wrong = case.wrong(made)
    said = {(one.kind, one.source, one.target) for one in proof.differences if not case.aside(one.source, one.target)}
    assert {one[0] for one in said} == {one[0] for one in wrong}, (sorted(wrong)[:9], sorted(said)[:9])
    assert {one for one in said if one[1] != one[2]} <= wrong, (sorted(wrong)[:9], sorted(said)[:9])


def edits(*ways: Damage) -> Damage:
    """One of these, by chance."""
    return lambda chance, text: chance.choice(ways)(chance, text)


def traded(pattern: str) -> Damage:
    """One piece of text that fits the pattern becomes another that does."""

    def change(chance: random.Random, text: str) -> str:
        found = list(re.finditer(pattern, text))
        if not found:
            return text
        one, other = chance.choice(found), chance.choice(found)
        return text[: one.start()] + other.group() + text[one.end() :]

    return change


def became(old: str, *new: str) -> Damage:
    """One occurrence of a text becomes another text."""

    def change(chance: random.Random, text: str) -> str:
        found = [one.start() for one in re.finditer(re.escape(old), text)]
        if not found:
            return text
        at = chance.choice(found)
        return text[:at] + chance.choice(new) + text[at + len(old) :]

    return change


def dropped(word: str) -> Damage:
    """One line with this word is gone."""

    def change(chance: random.Random, text: str) -> str:
        lines = text.split("\n")
        found = [at for at, line in enumerate(lines) if word in line]
        if found:
            del lines[chance.choice(found)]
        return "\n".join(lines)

    return change
