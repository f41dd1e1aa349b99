"""With partitions of an NVLink domain an accelerator reaches the others of its partition."""

from ringfence.estate.facts import Fact
from ringfence.segment.prove.joined.view import View, said


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added): one domain per rule, for accelerators that some rule names."""
    ends = frozenset(view.everyone)
    removed = list(view.about("nvlink_member", ends))
    added = [
        said(gpu, "nvlink_member", f"nvlink:fence/{allow.source}>{allow.target}")
        for allow in view.allows
        for gpu in {*view.ends(allow.source), *view.ends(allow.target)}
    ]
    return removed, added
