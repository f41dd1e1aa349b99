"""STRIDE per flow, phases, attack trees, the ATLAS layer: what is made of how threats stand."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.exposure import Held, exposure, findings
from ringfence.assess.layer import DOMAIN, LAYER, layer
from ringfence.assess.runs import phases, runs, windows
from ringfence.assess.stride import flows, harms
from ringfence.assess.techniques import NAMES
from ringfence.assess.threat import PHASES, State, Stride
from ringfence.assess.threats import THREAT, THREATS
from ringfence.assess.tree import AND, OR, Hop, Node, tree
from ringfence.assess.tree_layout import wrapped
from ringfence.assess.tree_share import Part, lines, shared
from ringfence.assess.tree_svg import svg
from ringfence.errors import InputError
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.wire import atlas

NOBODY = Held(np.zeros(0, np.int64), np.zeros(0, np.int64))
RUN = [
    Fact("job:slurm/c/1", "reads", "dataset:d"),
    Fact("job:slurm/c/1", "writes", "checkpoint:s"),
    Fact("job:slurm/c/1", "runs_on", "host:a"),
    Fact("dataset:d", "stored_on", "storage:nfs1:/d", {"mode": "0777"}),
    Fact("dataset:d", "writable_by", "identity:*"),
    Fact("host:a", "mounts", "storage:nfs1:/d"),
]


def test_a_flow_has_the_harms_of_what_it_passes_through() -> None:
    """Everybody may change the data that a job loads: tampering is open on that flow, by poisoning."""
    estate = estate_of(RUN)
    told = dict(
        zip(("loads", "saves", "serves"), harms(estate, exposure(estate, NOBODY), list(flows(estate))), strict=True)
    )
    (flow, found) = told["loads"]
    assert (flow.source, flow.target) == ("dataset:d", "job:slurm/c/1")
    assert {"host:a", "storage:nfs1:/d"} <= set(flow.parts)
    by_kind = {one.kind: one for one in found}
    assert by_kind[Stride.TAMPERING].state is State.OPEN
    assert by_kind[Stride.TAMPERING].threats == ("RF.T01",)
    assert {one.kind: one for one in told["saves"][1]}[Stride.TAMPERING].state is State.UNKNOWN


@pytest.mark.parametrize(
    ("work", "reads", "writes", "wanted"),
    [
        ("job:a", [], ["dataset:d"], ("ingest",)),
        ("job:a", ["dataset:d"], ["model:m"], ("pre-train", "export")),
        ("job:a", ["dataset:d", "checkpoint:s"], ["checkpoint:s"], ("pre-train", "checkpoint")),
        ("job:a", ["model:m", "dataset:e"], [], ("evaluate",)),
        ("container:c/n/p/x", ["model:m"], [], ("export",)),
    ],
)
def test_what_work_loads_and_saves_says_its_phase(
    work: str, reads: list[str], writes: list[str], wanted: tuple[str, ...]
) -> None:
    assert phases(work, reads, writes) == wanted


def test_when_a_dataset_is_exposed_is_when_runs_that_load_it_run() -> None:
    """From accounting or labels; a run without an end goes on."""
    estate = estate_of(
        [
            *RUN,
            Fact("job:slurm/c/2", "reads", "dataset:d"),
            Fact("job:slurm/c/2", "writes", "checkpoint:s"),
            Fact("job:slurm/c/1", "labelled", "start=1700000000"),
            Fact("job:slurm/c/1", "labelled", "end=1700003600"),
            Fact("job:slurm/c/2", "used_gpu_hours", "8", {"since": "2023-11-14T21:00:00"}),
        ]
    )
    (window,) = windows(runs(estate), "dataset:d", ["pre-train", "ingest"])
    assert (window.phase, window.runs, window.since, window.until) == ("pre-train", 2, 1699995600.0, 1700003600.0)
    assert window.still


def test_a_tree_is_or_over_ways_and_and_over_what_a_move_needs() -> None:
    """Two paths to one position, one of which needs two starts."""
    estate = estate_of(RUN)
    (exposed,) = exposure(estate, NOBODY, [THREAT["RF.T01"]])
    (found,) = findings(estate, exposed, NOBODY)
    place = "dataset:d#write"
    way = found.ways[1]
    opened = [found.ways[0], type(way)(way.title, State.OPEN, "somebody comes", (), (place,))]
    both = Hop("RF-M1", "with both", ("host:a#user", "identity:i#use"), place)
    paths = {
        place: [
            [Hop("RF-M2", "log in", ("workstation:w#user",), "host:a#user"), both],
            [Hop("RF-M3", "alone", ("host:b#root",), place)],
        ]
    }
    made = tree("poisoned", type(found)(found.threat, found.subject, State.OPEN, "", tuple(opened)), paths)
    assert made.gate == OR
    assert [one.gate for one in made.children[0].children] == [AND]
    reached = made.children[1].children[0]
    assert (reached.text, reached.gate, len(reached.children)) == (place, OR, 2)
    needs_both = reached.children[0]
    assert (needs_both.gate, len(needs_both.children)) == (AND, 2)
    told = "\n".join(lines(shared([made])[0]))
    assert "workstation:w#user" in told
    assert "[RF-M2] log in" in told


NAMED = st.text(max_size=300)


LEAVES = NAMED.map(lambda text: Node(text, State.OPEN))


def gates(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(Node, NAMED, st.sampled_from(State), st.just(OR), st.lists(children, max_size=4).map(tuple))


@given(st.recursive(LEAVES, gates, max_leaves=12))
def test_whatever_a_name_holds_the_picture_is_sound_and_every_box_lies_apart(node: Node) -> None:
    """Well-formed XML without anything that runs; boxes do not overlap."""
    root = ET.fromstring(svg([node]).encode("utf-8", "replace"))
    assert not [one for one in root.iter() if one.tag.endswith("script")]
    boxes = boxes_of(root)
    for at, (left, top, wide, high) in enumerate(boxes):
        for other in boxes[at + 1 :]:
            across = left < other[0] + other[2] and other[0] < left + wide
            assert not (across and top < other[1] + other[3] and other[1] < top + high)


def boxes_of(root: ET.Element) -> list[tuple[float, float, float, float]]:
    """(left, top, wide, high) of every box."""
    found = [one for one in root.iter() if one.tag.endswith("rect") and one.get("rx") == "6"]
    return [tuple(float(one.get(name, 0)) for name in ("x", "y", "width", "height")) for one in found]  # type: ignore[misc]


def texts(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter() if one.tag.endswith("text")]


def chain(name: str, steps: int, end: Node | None = None) -> Node:
    """A path of so many steps."""
    node = end or Node(f"{name} end", State.OPEN)
    for step in range(steps):
        node = Node(f"{name} step {step}", State.OPEN, AND, (node,))
    return node


def leaves(part: Part) -> list[str]:
    """Every way to a leaf by the texts on it, numbers followed."""
    return (
        [part.text] if not part.children else [f"{part.text}/{rest}" for one in part.children for rest in leaves(one)]
    )


def test_what_trees_share_is_drawn_once_and_has_a_number_elsewhere() -> None:
    """Also across trees, and what is below it is not numbered apart where nobody else needs it."""
    way = chain("way", 5)
    trees = [Node(f"threat {at}", State.OPEN, OR, (chain(f"own {at}", 1, way), way)) for at in range(3)]
    drawn = shared(trees)
    assert [one.text for one in drawn] == ["threat 0", "threat 1", "threat 2"]
    first = drawn[0].children[0].children[0]
    assert (first.text, first.number, len(leaves(first))) == ("way step 4", 1, 1)
    others = [
        drawn[0].children[1],
        *(part for one in drawn[1:] for part in (one.children[0].children[0], one.children[1])),
    ]
    assert [(one.text, one.see, one.number, one.children) for one in others] == [("way step 4", 1, 0, ())] * 5
    assert first.children[0].number == 0
    said = texts(ET.fromstring(svg(trees)))
    assert said.count("way step 0") == 1
    assert said.count("way step 4") == 6
    assert said.count("1") == 6
    told = [line.strip() for one in drawn for line in lines(one)]
    assert told.count("! (1) way step 4") == 1
    assert told.count("! way step 4: as (1)") == 5


@given(
    st.lists(
        st.recursive(st.sampled_from("ab").map(lambda text: Node(text, State.OPEN)), gates, max_leaves=12), max_size=3
    )
)
def test_with_every_number_followed_the_trees_are_what_they_were(trees: list[Node]) -> None:
    drawn = shared(trees)
    numbered: dict[int, Part] = {}

    def note(part: Part) -> None:
        if part.number:
            numbered[part.number] = part
        for child in part.children:
            note(child)

    def whole(part: Part) -> Node:
        part = numbered[part.see] if part.see else part
        return Node(part.text, part.state, part.gate, tuple(map(whole, part.children)))

    for one in drawn:
        note(one)
    assert [whole(one) for one in drawn] == trees


def test_threats_stand_in_columns_and_choices_side_by_side() -> None:
    """Six of ten steps take two rows of three at most; three ways of one threat stand beside each other."""
    six = ET.fromstring(svg([Node(f"threat {at}", State.OPEN, OR, (chain(f"{at}", 10),)) for at in range(6)]))
    assert len({left for left, *_ in boxes_of(six)}) >= 3
    assert float(six.get("height", 0)) < 6 * 12 * 45 / 2
    ways = tuple(chain(f"way {at}", 10) for at in range(3))
    one = boxes_of(ET.fromstring(svg([Node("threat", State.OPEN, OR, ways)])))
    assert len({left for left, *_ in one}) == 3
    assert max(left + wide for left, _, wide, _ in one) > 1000
    uneven = (Node("short", State.UNKNOWN), Node("choice", State.OPEN, OR, ways))
    assert len({left for left, *_ in boxes_of(ET.fromstring(svg([Node("threat", State.OPEN, OR, uneven)])))}) == 4


@given(NAMED, st.integers(8, 120))
def test_text_in_a_box_is_short_lines(text: str, wide: int) -> None:
    assert all(len(line) <= wide + 1 for line in wrapped(text, wide))
    assert len(wrapped(text, wide)) <= 6


def test_the_deepest_tree_fits_the_width_and_its_path_reads_down() -> None:
    """Sixty steps, each a choice: nothing lies outside the picture, which scales with its page."""
    node = Node("leaf", State.OPEN)
    for step in range(60):
        node = Node(f"step {step} " + "x" * 200, State.OPEN, OR, (node, Node("other", State.UNKNOWN)))
    root = ET.fromstring(svg([node]))
    assert root.get("width") == "100%"
    wide, high = (float(one) for one in root.get("viewBox", "").split()[2:])
    assert float(root.get("height", 0)) == high, "a page shows it at its own size and scrolls"
    boxes = [one for one in root.iter() if one.tag.endswith("rect") and one.get("rx") == "6"]
    assert len(boxes) == 121
    assert all(0 <= float(one.get("x", 0)) <= wide - float(one.get("width", 0)) for one in boxes)
    drawn = boxes_of(ET.fromstring(svg([chain("only", 40)])))
    assert {left for left, *_ in drawn} == {20.0}, "a path without a choice stays in its column"
    tops = [top for _, top, *_ in drawn]
    assert tops == sorted(set(tops))


def test_the_layer_is_one_of_the_atlas_navigator() -> None:
    """The fields that the published format demands, every technique of every threat, worst state first."""
    estate = estate_of(RUN)
    made = layer(exposure(estate, NOBODY), live={"RF.T01": "signals"})
    assert made["versions"]["layer"] == LAYER == "4.3"
    assert made["domain"] == DOMAIN == "atlas-atlas"
    by_id = {one["techniqueID"]: one for one in made["techniques"]}
    assert len(by_id) == len(made["techniques"])
    assert {one for threat in THREATS for one in threat.atlas} <= set(by_id)
    assert by_id["AML.T0020"]["score"] == 100
    assert by_id["AML.T0020"]["metadata"] == [{"name": "RF.T01", "value": "signals"}]
    assert by_id["AML.T0105"]["score"] == 50
    assert by_id["AML.T0105"]["comment"].endswith(": nothing here")
    assert sum(int(part.split()[0]) for part in made["description"].split(", ")) == len(THREATS)
    assert made["gradient"]["minValue"] < made["gradient"]["maxValue"]
    assert all({"label", "color"} == set(one) for one in made["legendItems"])
    assert {parent for name in by_id if name.count(".") == 2 and (parent := name.rpartition(".")[0])} <= set(by_id)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"id: OTHER\nversion: 1\n",
        b"id: ATLAS\nmatrices: 7\n",
        b"id: ATLAS\nmatrices: [{techniques: [{id: 7}, {id: AML.T9, name: x}]}]\n",
        b"a: &a [x, x]\nb: &b [*a, *a]\n" + b"c: *b\n" * 50 + b"\xff",
        b"[" * 10_000,
    ],
)
def test_what_is_no_file_of_atlas_is_refused_with_a_remedy(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        atlas.parse(data)
    assert caught.value.remedy


def test_names_in_a_file_of_atlas_are_cleaned() -> None:
    """A name that would paint the terminal."""
    found = atlas.parse(
        b'id: ATLAS\nversion: "1\\e[31m"\nmatrices: [{techniques: [{id: AML.T0020, name: "a\\e[2Jb"}]}]\n'
    )
    assert "\x1b" not in found.version + found.techniques["AML.T0020"]


def test_every_phase_is_exposed_to_something() -> None:
    assert {phase for threat in THREATS for phase in threat.phases} == set(PHASES)
    assert {kind for threat in THREATS for kind in threat.stride} == set(Stride)
    assert {one for threat in THREATS for one in threat.atlas} <= set(NAMES)
