"""The page of hardening measures, written from the measures themselves."""

from ringfence.app.harden.commands import explain

_HEAD = """<!-- Written by `make docs` from the tables in the source. Do not edit. -->

# Hardening

What `ringfence harden` wants of a GPU node. `check` compares, `apply` shows what it would change and changes it with
`--apply`, `undo` puts it back exactly. What a measure is about may not be there: *not applicable*; what could
not be read is *unknown*; what only people can change is *by hand*. How it works: [design](design/assess-harden.md).
"""


def hardening_page() -> str:
    """Every measure: what it wants, why, what it breaks."""
    return "\n".join([_HEAD, *map(_measure, explain(()))])


def _measure(one: dict[str, object]) -> str:
    lines = [f"### {one['id']} `{one['name']}`: {one['title']}\n", f"{one['why']}\n"]
    for title, key in (("Wants", "wants"), ("Applies where", "applies"), ("Only if", "way_in")):
        lines += [f"- **{title}** {said}." for said in _several(one[key])]
    lines.append(f"- **What it breaks**: {one['breaks']}")
    named = (("Counts when", "after"), ("Never", "never"), ("Source", "source"))
    lines += [f"- **{title}**: {one[key]}" for title, key in named if one[key]]
    return "\n".join(lines) + "\n"


def _several(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
