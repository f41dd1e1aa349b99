"""Each target has a writer, a prover, and a row that says whether it is put in force."""

import re
from pathlib import Path

from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import PLANES, Policy
from ringfence.segment.prove import PROVERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "design" / "targets.md"
ROWS = dict(re.findall(r"^\| `([\w-]+)` \| \w+[^|]* \| [^|]+ \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE))


def test_writers_provers_and_rows_name_the_same_targets() -> None:
    assert WRITERS.keys() <= ROWS.keys()
    assert {name: one.plane for name, one in WRITERS.items()} == {name: one.plane for name, one in PROVERS.items()}
    assert {one.plane for one in WRITERS.values()} <= PLANES.keys()


def test_what_is_not_put_in_force_says_so() -> None:
    nothing = Policy({}, ())
    for name, one in WRITERS.items():
        made = one.write(nothing, Inventory())
        assert (made.target, made.plane) == (name, one.plane)
        assert made.enforced == ("not enforced" not in ROWS[name])


def test_a_policy_of_nothing_holds_on_every_target() -> None:
    nothing = Policy({}, ())
    for name, one in WRITERS.items():
        made = one.write(nothing, Inventory())
        assert PROVERS[name].prove(nothing, Inventory(), made.artefacts, made.residuals).holds
