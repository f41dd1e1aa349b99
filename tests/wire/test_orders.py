"""Orders, receipts, hook lines and frames: one value, one encoding; everything else is an error that says why."""

import msgspec
import pytest

from ringfence.errors import InputError
from ringfence.segment.compile.partitions import compile_partitions
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Group, Policy
from ringfence.wire import channel, hooks, orders
from ringfence.wire.orders import Order, Receipt, Release

ORDER = Order(
    id="0" * 31 + "1",
    host="host:gpu0001",
    target="nftables",
    action="apply",
    sequence=7,
    not_before=1000,
    expires=1120,
    digest=orders.digest("table inet ringfence {}\n"),
    name="rules \N{LATIN SMALL LETTER U WITH DIAERESIS}",
)
TEXT = "table inet ringfence {}\n"
TOKEN = Release(id="a" * 32, host="host:gpu0001", not_before=1000, expires=2000, lasts=60, why="server room flooded")


def test_an_order_comes_back_as_it_went():
    """Encoding is canonical: keys sorted, no blanks."""
    data = orders.encode(ORDER)
    assert orders.decode(data, Order) == ORDER
    assert data.startswith(b'{"action":"apply","covers":[],"digest":"')


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [
        ("blanks", lambda data: data.replace(b",", b", ")),
        ("another order of keys", lambda data: b'{"id":"' + b"0" * 31 + b'1",' + data[1:]),
        ("a key twice", lambda data: data[:-1] + b',"target":"nftables"}'),
        ("an unknown field", lambda data: data[:-1] + b',"also":1}'),
        ("a sequence of nothing", lambda data: data.replace(b'"sequence":7', b'"sequence":0')),
        ("a sequence that is too large", lambda data: data.replace(b'"sequence":7', b'"sequence":9007199254740992')),
        ("a number for a text", lambda data: data.replace(b'"nftables"', b"1")),
        ("a target with a path", lambda data: data.replace(b'"nftables"', b'"../nftables"')),
        ("a host with a line feed", lambda data: data.replace(b"gpu0001", b"gpu\\n0001")),
        ("half a character", lambda data: data.replace(b"rules", b"\\ud800")),
        ("cut", lambda data: data[:-3]),
        ("nothing", lambda _: b""),
        ("not UTF-8", lambda data: data.replace(b"rules", b"\xff\xfe\xfd\xfc")),
        ("deep nesting", lambda _: b"[" * 100_000),
    ],
)
def test_what_is_not_canonical_is_no_order(name, spoilt):
    """Each way of writing it otherwise is refused as input."""
    with pytest.raises(InputError):
        orders.decode(spoilt(orders.encode(ORDER)), Order)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"host": "host:gpu0002"}, "misaddressed"),
        ({"action": "reboot"}, "unknown action"),
        ({"expires": 1000 + 3601}, "it lives longer"),
        ({"not_before": 900, "expires": 1050}, "expired"),
        ({"not_before": 1056}, "not valid before"),
        ({"sequence": 6}, "replayed"),
        ({"sequence": 5}, "replayed or out of order: sequence 5, seen 6"),
    ],
)
def test_an_order_is_refused_with_its_reason(change, why):
    """At 1050, on gpu0001, which has seen sequence 6."""
    found = orders.refusal(msgspec.structs.replace(ORDER, **change), TEXT, "host:gpu0001", 6, 1050.0)
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_a_text_that_is_not_the_one_that_was_signed_is_a_forgery():
    """One letter more, or none at all."""
    for text in (TEXT + " ", ""):
        assert orders.refusal(ORDER, text, ORDER.host, 0, 1050.0).startswith("forged")


def test_a_clock_a_little_behind_the_server_still_accepts():
    """`SKEW` seconds before the beginning, and not one more."""
    assert orders.refusal(ORDER, TEXT, ORDER.host, 0, 1000.0 - orders.SKEW) == ""
    assert orders.refusal(ORDER, TEXT, ORDER.host, 0, 999.0 - orders.SKEW).startswith("not valid before")


@pytest.mark.parametrize(
    ("host", "used", "now", "why"),
    [
        ("host:gpu0001", False, 1500, ""),
        ("host:gpu0002", False, 1500, "misaddressed"),
        ("host:gpu0001", True, 1500, "it was used before"),
        ("host:gpu0001", False, 2000, "expired"),
        ("host:gpu0001", False, 900, "not valid before"),
    ],
)
def test_a_release_token_opens_one_host_once_and_for_a_while(host, used, now, why):
    """Everything else is refused with its reason."""
    found = orders.release_refusal(TOKEN, host, used, now)
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_the_digest_of_nothing_is_nothing():
    """An empty read-back is told from one that was left out."""
    assert orders.digest("") == ""
    assert len(orders.digest("x")) == 64


def test_a_frame_comes_back_as_it_went():
    """Length first; every kind of message finds its own shape."""
    for message in (
        channel.Hello("host:gpu0001", 3, (channel.Slot("nftables", "", "ab" * 32),)),
        channel.Beat(True),
        channel.Took("0" * 32),
        channel.Refused("revoked"),
    ):
        frame = channel.encode(message)
        assert channel.length(frame[:4]) == len(frame) - 4
        assert channel.decode(frame[4:]) == message


@pytest.mark.parametrize("header", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\x01"])
def test_a_frame_of_a_silly_length_is_refused_before_it_is_read(header):
    """Nothing, four gigabytes, and just over the limit."""
    with pytest.raises(InputError, match="frame of"):
        channel.length(header)


@pytest.mark.parametrize("body", [b"{}", b'{"type":"sudo"}', b"[]", b'{"type":"beat","answer":1}', b"[" * 9999])
def test_a_frame_that_says_nothing_known_is_refused(body):
    """Unknown tags, wrong types, nesting."""
    with pytest.raises(InputError):
        channel.decode(body)


@pytest.mark.parametrize(("letter", "size"), [("a", 1), ("\N{EARTH GLOBE ASIA-AUSTRALIA}", 4), ("\x01", 6), ('"', 2)])
def test_the_longest_text_that_travels_fits_into_a_frame(letter, size):
    """Four bytes a character in UTF-8, six as an escape; one character more does not travel."""
    most = (orders.LONGEST_TEXT - 2) // size
    envelope = orders.Envelope("order", orders.encode(ORDER), "0" * 16, b"\0" * 64)
    assert orders.travels(letter * most)
    assert not orders.travels(letter * (most + 1))
    assert len(channel.encode(channel.Give(envelope, letter * most))) < channel.LONGEST_FRAME


def test_what_is_no_text_does_not_travel():
    """Bytes of a file that are no UTF-8."""
    assert not orders.travels(b"\xff".decode("utf-8", "surrogateescape"))


def test_the_partitions_of_seventy_thousand_ports_travel():
    """Seven rails of ten thousand, every port in a job of eight and a client of storage."""
    ports = tuple(f"ibport:0x{at:016x}" for at in range(1, 70_001))
    gangs = {f"gang:{at}": Group(f"gang:{at}", "gang", "t", {"ib": ports[at : at + 8]}) for at in range(64, 70_000, 8)}
    groups = {"storage": Group("storage", "service", "", {"ib": ports[:64]}), **gangs}
    allows = [Allow(name, other, "ib", "any", "") for name in groups for other in {name, "storage"}]
    fabric = Fabric("ib0", ("host:sm",), ports[:1], ports, table=dict.fromkeys(ports, 128))
    inventory = Inventory(fabrics={"ib0": fabric}, enforcers={"opensm": ("ib0",)})
    (one,) = compile_partitions(Policy(groups, tuple(allows)), inventory).artefacts
    assert len(one.text) > 2 << 20
    assert orders.travels(one.text)
    envelope = orders.Envelope("order", orders.encode(ORDER), "0" * 16, b"\0" * 64)
    frame = channel.encode(channel.Give(envelope, one.text))
    assert channel.decode(frame[4:]).text == one.text


def test_hook_lines_are_one_line_each_way():
    """What is asked and what is answered, whole."""
    asked = hooks.Request("wait-job", "4711", 2.5)
    assert hooks.encode(asked) == b'{"verb":"wait-job","job":"4711","deadline":2.5}\n'
    assert hooks.request(hooks.encode(asked)) == asked
    said = hooks.Answer("hold", "no server")
    assert hooks.answer(hooks.encode(said)) == said
    assert hooks.encode(said).count(b"\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"status",
        b'{"verb":"open"}',
        b'{"verb":"wait-job","job":"; rm"}',
        b'{"verb":"status","uid":0}',
        b"[" * 9999,
    ],
)
def test_a_hook_line_that_asks_for_nothing_known_is_refused(line):
    """The remedy shows what a request looks like, or names the verbs."""
    with pytest.raises(InputError) as caught:
        hooks.request(line)
    assert caught.value.remedy


def test_a_receipt_takes_a_line_of_error_and_not_a_book():
    """Bounds hold for what nodes say, too."""
    receipt = Receipt(
        order="0" * 32,
        host="host:gpu0001",
        target="nftables",
        sequence=1,
        outcome="failed",
        when=1,
        error="x" * 1001,
    )
    with pytest.raises(InputError):
        orders.decode(orders.encode(receipt), Receipt)
