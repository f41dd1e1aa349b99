"""Parts that changed between two surveys: an HBOM compared with the one before."""

from collections import defaultdict
from collections.abc import Iterator

from ringfence.collect.base import asked
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact

COMPARED = "parts-compared"
"""Coverage: the parts of a machine were held against those of an earlier survey."""


def swapped(old: Estate, new: Estate) -> Iterator[Fact]:
    """`changed_part` for every part of `new` that its holder did not have in `old`.

    Only holders whose parts both surveys know: a machine seen for the first time has no changed
    parts. `was` names the part that sat in the same slot, and the part's kind comes along, since
    a power supply is not a network adapter.
    """
    before: dict[str, set[str]] = defaultdict(set)
    slots: dict[tuple[str, object], str] = {}
    for fact in old.facts("has_component"):
        before[fact.subject].add(fact.object)
        slots[fact.subject, fact.attributes.get("slot")] = fact.object
    said = set()
    for fact in new.facts("has_component"):
        key = (fact.subject, fact.object)
        if key in said or fact.subject not in before or fact.object in before[fact.subject]:
            continue
        said.add(key)
        kept = {name: fact.attributes[name] for name in ("slot", "type", "dma", "model") if name in fact.attributes}
        was = slots.get((fact.subject, fact.attributes.get("slot")), "")
        yield Fact(fact.subject, "changed_part", fact.object, {**kept, "was": was}, fact.source, fact.observed_at)


def compared(old: Estate, new: Estate) -> Iterator[Fact]:
    """What two surveys say together: `changed_part`, and coverage `parts-compared` of every holder in `new`.

    Compared is who told its parts both times; wholly where its controller answered both times, since only a
    controller knows of parts that no driver speaks to.
    """
    yield from swapped(old, new)
    both = [{fact.subject for fact in one.facts("has_component")} for one in (old, new)]
    whole = [
        {fact.subject for fact in one.facts("asked") if fact.object == "redfish" and fact.attributes.get("answered")}
        for one in (old, new)
    ]
    for holder in sorted(both[1]):
        service = holder.partition("/")[0] if holder.startswith("bmc:") else holder  # a controller behind another
        known, complete = holder in both[0], service in whole[0] & whole[1]
        reason = "" if known and complete else "its parts were not told in the survey before"
        reason = "its controller was not asked both times" if known and not complete else reason
        yield asked(holder, COMPARED, answered=known, complete=known and complete, reason=reason)
