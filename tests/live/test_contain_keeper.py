"""A real keeper over a real containment: a lapse is no change, what is lost comes back, a reboot revives nothing."""

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ringfence.app.enforcer.keeper import Keeper
from ringfence.enforce.contain import Contain
from ringfence.enforce.flows import EndFlows
from ringfence.store.slots import IN_FORCE, Slots
from ringfence.transport import signing
from ringfence.wire import orders
from ringfence.wire.contain import OnHost, Until, decode, encode
from ringfence.wire.orders import Order
from tests.live.netns import Namespace, need, settled

pytestmark = pytest.mark.live
SERVER, NODE = signing.new_key(), signing.new_key()
HOST = "host:gpu01"


class Node:
    """A network namespace with its containment, and the keeper that answers for it."""

    def __init__(self, folder: Path, host: Namespace, slots: Slots) -> None:
        self.host, self._slots, self.sequence = host, slots, 0
        self.contain = Contain(HOST, folder / "contain.json", host.entered)
        self.lines: list[str] = []
        self.start()

    def start(self) -> None:
        """As after a start of the enforcer: only what is on disk is known."""
        trusted = signing.keyring([signing.public_hex(SERVER)])
        flows = EndFlows(HOST, self.contain, self.host.entered)
        drivers: Any = {"contain": lambda where, job: self.contain, "flows": lambda where, job: flows}
        self.keeper = Keeper(HOST, drivers, self._slots, trusted, NODE, lambda what, *_: self.lines.append(what))
        self.keeper.recover()

    def order(self, document: OnHost | None, target: str = "contain", action: str = "apply") -> str:
        """Have a document put in force by a signed order; the outcome."""
        self.sequence += 1
        now, text = int(time.time()), encode(document) if document else ""
        order = Order(
            id=f"{self.sequence:032x}", host=HOST, target=target, action=action, sequence=self.sequence,
            not_before=now - 5, expires=now + 60, digest=orders.digest(text),
        )  # fmt: skip
        receipt = self.keeper.take(signing.seal(SERVER, order), text)
        assert receipt is not None
        return receipt.outcome

    def blocked(self) -> list[str]:
        """What is blocked really."""
        return [one.what for one in decode(self.contain.read(), OnHost).blocked]

    def nft(self, *words: str) -> str:
        """What nft says in the namespace."""
        return self.host.run("nft", *words)

    def reboot(self) -> None:
        """The kernel's tables are gone, and what lay in /run."""
        self.nft("flush", "ruleset")
        self.contain.restore("")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    need()
    with closing(Namespace()) as host, closing(Slots(tmp_path / "enforcer.db")) as slots:
        yield Node(tmp_path, host, slots)


def two(short: float) -> OnHost:
    """One block that lapses soon, and one that does not."""
    now = int(time.time())
    return OnHost(blocked=(Until("10.0.0.1", int(now + short)), Until("10.0.0.2", now + 300)), keep=("10.0.0.9",))


def lapsed(node: Node) -> bool:
    return node.blocked() == ["10.0.0.2"]


def test_a_block_that_lapsed_is_no_change_and_is_not_put_back(node):
    assert node.order(two(2)) == "applied"
    assert not node.keeper.guard()
    assert settled(partial(lapsed, node))
    assert not node.keeper.guard()
    node.start()
    assert node.blocked() == ["10.0.0.2"]
    assert "enforcer.mended" not in node.lines


def test_a_block_that_somebody_took_away_is_put_back_and_told(node):
    node.order(two(300))
    for change in (
        "delete element inet ringfence_contain peers4 { 10.0.0.2 }",
        "delete table inet ringfence_contain",
        "insert rule inet ringfence_contain output accept",
        "add element inet ringfence_contain keep4 { 10.0.0.2 }",
    ):
        node.nft(change)
        assert node.keeper.guard()
        assert node.blocked() == ["10.0.0.1", "10.0.0.2"]
        assert not node.keeper.guard()
    assert node.lines.count("enforcer.mended") == 4
    assert {slot.state for slot in node.keeper.slots.all()} == {IN_FORCE}


def test_after_a_reboot_what_still_holds_comes_back_and_what_lapsed_does_not(node):
    node.order(two(2))
    assert settled(partial(lapsed, node))
    node.reboot()
    assert node.blocked() == []
    node.start()
    assert node.blocked() == ["10.0.0.2"]
    assert not node.keeper.guard()


def test_after_a_reboot_a_containment_that_lapsed_whole_leaves_no_table(node):
    node.order(OnHost(blocked=(Until("10.0.0.1", int(time.time()) + 1),)))
    assert settled(lambda: node.blocked() == [])
    node.reboot()
    node.start()
    assert node.nft("list", "ruleset") == ""
    assert not node.keeper.guard()


def test_a_renewed_block_holds_on_and_one_of_two_incidents_may_be_taken_back(node):
    node.order(two(1))
    node.order(two(300))
    assert not settled(partial(lapsed, node), 2)
    node.order(OnHost(blocked=(Until("10.0.0.2", int(time.time()) + 300),)))
    assert node.blocked() == ["10.0.0.2"]
    assert not node.keeper.guard()


def test_taking_it_all_back_leaves_the_host_as_it_was(node):
    node.nft("add table inet ringfence")
    before = node.nft("list", "ruleset")
    node.order(two(300))
    assert node.order(two(300), "flows") == "applied"
    assert not node.keeper.guard()
    assert node.order(None) == "applied"
    assert node.order(None, "flows") == "applied"
    assert node.nft("list", "ruleset") == before
    assert not node.keeper.guard()


def test_a_line_that_cannot_be_carried_out_here_is_not_a_change_either(node):
    document = OnHost(blocked=(Until("10.0.0.2"),), users=(Until("no-such-account"),))
    assert node.order(document) == "applied"
    assert node.blocked() == ["10.0.0.2"]
    assert not node.keeper.guard()
