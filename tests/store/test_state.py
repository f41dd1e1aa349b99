"""The state database: each kind of row keeps its promise, alone, twice and after a retry."""

import sqlite3
import stat
import threading

import pytest

from ringfence.errors import StateError
from ringfence.store.state import Database, enrolments, orders, receipts
from ringfence.store.state.orders import Taken
from ringfence.store.state.receipts import Target
from ringfence.store.state.schema import MIGRATIONS

HOST, OTHER = "host:gpu0001", "host:gpu0002"
KEY, NEXT_KEY = bytes(range(32)), bytes(32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def database(path):
    with Database.open(path) as opened:
        yield opened


# the file


def test_the_file_and_its_companions_are_private(path, database):
    """0600, whatever was there before; the write-ahead log too."""
    orders.next_sequence(database, HOST)
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}
    path.chmod(0o644)
    Database.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_foreign_keys_types_and_durability_are_on(database):
    """A target without its receipt, a text where a number belongs: SQLite itself refuses."""
    for statement in (
        "INSERT INTO receipt_targets VALUES ('none', 0, 't', x'', 'planned')",
        "INSERT INTO orders_issued VALUES ('h', 'many')",
    ):
        with pytest.raises(sqlite3.IntegrityError), database.transaction() as sql:
            sql.execute(statement)
    with database.reading() as sql:
        assert sql.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert sql.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_block_that_fails_changes_nothing(database):
    """Whatever the reason; the next one works."""

    def fails():
        with database.transaction() as sql:
            sql.execute("INSERT INTO orders_issued VALUES ('h', 7)")
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert orders.next_sequence(database, "h") == 1


def test_an_older_schema_is_brought_forward_and_a_newer_one_refused(path):
    """Rows survive; the old version of this program then says what to do."""
    with Database.open(path) as first:
        orders.next_sequence(first, HOST)
    later = (*MIGRATIONS, ("ALTER TABLE orders_issued ADD COLUMN note TEXT", "CREATE TABLE more (a TEXT) STRICT"))
    with Database.open(path, later) as second, second.reading() as sql:
        assert sql.execute("SELECT * FROM orders_issued").fetchall() == [(HOST, 1, None)]
    known = rf"schema version {len(later)}, this ringfence knows {len(MIGRATIONS)}"
    with pytest.raises(StateError, match=known) as refused:
        Database.open(path)
    assert refused.value.remedy == "upgrade ringfence"


def test_tables_that_nothing_used_are_gone_and_the_rows_of_others_stay(path):
    """A file of the first version, with a row in each."""
    with Database.open(path, MIGRATIONS[:1]) as first, first.transaction() as sql:
        sql.execute("INSERT INTO partition_keys VALUES (1, 'a', 'held', 1.0)")
        sql.execute("INSERT INTO verdicts VALUES ('job:slurm/a/1', 'allow', 'read back', 1.0)")
        sql.execute("INSERT INTO orders_issued VALUES ('host:a', 7)")
    with Database.open(path) as now, now.reading() as sql:
        tables = {name for (name,) in sql.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert not tables & {"partition_keys", "budget_shares", "budget_spent", "verdicts"}
        assert sql.execute("SELECT * FROM orders_issued").fetchall() == [("host:a", 7)]


def test_a_migration_that_fails_leaves_the_old_schema(path):
    """All statements of all versions are one transaction."""
    Database.open(path).close()
    with pytest.raises(StateError):
        Database.open(path, (*MIGRATIONS, ("CREATE TABLE more (a TEXT) STRICT", "CREATE TABLE orders_issued (a TEXT)")))
    with Database.open(path) as database, database.reading() as sql:
        assert sql.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").fetchone() == (0,)


def test_a_damaged_file_is_refused(path):
    """Cut anywhere, or overwritten: StateError on opening, never something half read."""
    with Database.open(path) as database:
        orders.next_sequences(database, [f"host:in-compartment-{at}" for at in range(2000)])
    whole = path.read_bytes()
    assert len(whole) > 60_000
    half = len(whole) // 2
    for damaged in (
        b"not a database at all",
        whole[:5000],
        whole[:half],
        whole[:40_000] + bytes(8192) + whole[48_192:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(StateError, match=r"damaged|another program"):
            Database.open(path)


def test_another_programs_database_is_left_alone(path):
    """Its tables are not ours to migrate."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="another program's database"):
        Database.open(path)
    assert path.read_bytes() == before


def test_a_place_that_cannot_hold_it_is_told(tmp_path):
    """No folder, a folder instead of a file, a link."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "no" / "state.db", tmp_path, tmp_path / "link"):
        with pytest.raises(StateError, match=r"No such|is not a file"):
            Database.open(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_is_told_and_nothing_is_changed(database):
    """SQLite's own limit of pages stands for the disk."""
    with database.reading() as sql:
        (pages,) = sql.execute("PRAGMA page_count").fetchone()
        sql.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateError, match="the disk is full"):
        orders.next_sequences(database, [f"host:in-compartment-{at}" for at in range(2000)])
    with database.reading() as sql:
        assert sql.execute("SELECT count(*) FROM orders_issued").fetchone() == (0,)


def test_a_value_that_no_column_holds_is_told(database):
    """Numbers beyond 64 bits, text that is not Unicode."""
    for ask in (
        lambda: orders.accept(database, HOST, 1 << 63, b"", 0.0),
        lambda: orders.next_sequence(database, "host:\ud800"),
    ):
        with pytest.raises(StateError, match="cannot hold"):
            ask()


def test_a_file_of_another_purpose_is_not_taken_for_ours(path):
    """Two kinds of state have schemas of their own; neither opens, nor changes, the other's file."""
    Database.open(path, (("CREATE TABLE slots (name TEXT PRIMARY KEY) STRICT",),)).close()
    with pytest.raises(StateError, match="another purpose"):
        Database.open(path)
    Database.open(path, (("CREATE TABLE slots  (name TEXT PRIMARY KEY)\n STRICT",),)).close()


# enrolments


def test_a_key_is_enrolled_once_and_belongs_to_one_holder_for_good(database):
    """Again: no change. Another holder, role or key: refused until revoked; a revoked key never comes back."""
    first = enrolments.enrol(database, HOST, "enforcer", KEY, 1.0)
    assert enrolments.enrol(database, HOST, "enforcer", KEY, 2.0) == first
    assert enrolments.by_key(database, KEY) == enrolments.live(database, HOST, "enforcer") == first
    for holder, role, key in ((OTHER, "enforcer", KEY), (HOST, "agent", KEY), (HOST, "enforcer", NEXT_KEY)):
        with pytest.raises(StateError):
            enrolments.enrol(database, holder, role, key, 3.0)
    assert enrolments.revoke(database, KEY, 4.0)
    assert not enrolments.revoke(database, KEY, 5.0)
    assert enrolments.by_key(database, KEY) is None
    with pytest.raises(StateError, match="was revoked"):
        enrolments.enrol(database, HOST, "enforcer", KEY, 6.0)
    enrolments.enrol(database, HOST, "enforcer", NEXT_KEY, 7.0)
    assert [one.revoked_at for one in enrolments.everyone(database)] == [4.0, None]


@pytest.mark.parametrize(("role", "key"), [("root", KEY), ("agent", b"short")])
def test_what_cannot_be_enrolled_is_refused(database, role, key):
    """Unknown roles, keys of another length."""
    with pytest.raises(StateError):
        enrolments.enrol(database, HOST, role, key, 1.0)
    assert enrolments.everyone(database) == []


# orders


def test_numbers_of_orders_rise_per_host_and_survive_a_restart(path):
    """Never one twice; after an old copy came back the host's own count is taken over."""
    with Database.open(path) as database:
        assert [orders.next_sequence(database, HOST) for _ in range(3)] == [1, 2, 3]
        assert orders.next_sequence(database, OTHER) == 1
    with Database.open(path) as database:
        assert orders.next_sequence(database, HOST) == 4
        orders.advance(database, HOST, 2)
        assert orders.next_sequence(database, HOST) == 5
        orders.advance(database, HOST, 90)
        assert orders.next_sequence(database, HOST) == 91


def test_an_order_is_taken_once(path):
    """New, repeated, stale; another order under the same number is a replay; so is an older one after a restart."""
    with Database.open(path) as database:
        assert orders.highest(database, HOST) == 0
        assert orders.accept(database, HOST, 3, b"three", 1.0) is Taken.NEW
        assert orders.accept(database, HOST, 3, b"three", 2.0) is Taken.REPEATED
        assert orders.accept(database, HOST, 3, b"forged", 2.0) is Taken.STALE
        assert orders.accept(database, OTHER, 1, b"one", 2.0) is Taken.NEW
    with Database.open(path) as database:
        assert orders.accept(database, HOST, 2, b"two", 3.0) is Taken.STALE
        assert orders.accept(database, HOST, 4, b"four", 3.0) is Taken.NEW
        assert orders.accept(database, HOST, 3, b"three", 3.0) is Taken.STALE
        assert orders.highest(database, HOST) == 4
        with pytest.raises(StateError, match="begin with 1"):
            orders.accept(database, HOST, 0, b"", 3.0)


# receipts


TARGETS = [Target("nft:host:gpu0001", b"table inet a {}"), Target("opensm", b"\x00raw")]


def test_a_receipt_begun_again_keeps_what_was_there_first(path):
    """After a crash the targets may hold half of the new state; it never replaces the old one."""
    with Database.open(path) as database:
        first = receipts.begin(database, "r-1", b"plan", TARGETS, 1.0)
        receipts.step(database, "r-1", "opensm", "changing")
    with Database.open(path) as database:
        again = receipts.begin(database, "r-1", b"plan", [Target("opensm", b"half new")], 2.0)
        assert again == receipts.receipt(database, "r-1")
        assert [(one.target, one.before) for one in again.targets] == [
            (one.target, one.before) for one in first.targets
        ]
        assert [one.status for one in again.targets] == ["planned", "changing"]
        with pytest.raises(StateError, match="another plan"):
            receipts.begin(database, "r-1", b"other", TARGETS, 2.0)


def test_a_receipt_moves_along_its_arrows_only(database):
    """Every pair of statuses: drawn, or refused; staying is a retry."""
    allowed = {
        ("begun", "applied"), ("begun", "failed"), ("begun", "undoing"), ("applied", "undoing"),
        ("failed", "undoing"), ("undoing", "undone"),
    }  # fmt: skip
    ways = {
        "begun": [],
        "applied": ["applied"],
        "failed": ["failed"],
        "undoing": ["undoing"],
        "undone": ["undoing", "undone"],
    }
    for start, way in ways.items():
        for end in ways:
            name = f"{start}-{end}"
            receipts.begin(database, name, b"plan", TARGETS, 1.0)
            for status in way:
                receipts.settle(database, name, status, 2.0)
            if start == end or (start, end) in allowed:
                assert receipts.settle(database, name, end, 3.0).status == end
            else:
                with pytest.raises(StateError, match="cannot become"):
                    receipts.settle(database, name, end, 3.0)
            assert receipts.receipt(database, name).status == (end if (start, end) in allowed else start)
    cut_off = {one.status for one in receipts.listed(database, ("begun", "undoing"))}
    assert cut_off == {"begun", "undoing"}
    assert len(receipts.listed(database)) == 25


def test_what_no_receipt_names_is_refused(database):
    """Unknown receipts, targets and steps."""
    receipts.begin(database, "r-1", b"plan", TARGETS, 1.0)
    for ask in (
        lambda: receipts.settle(database, "r-2", "applied", 1.0),
        lambda: receipts.step(database, "r-1", "ufm", "changed"),
        lambda: receipts.step(database, "r-1", "opensm", "perhaps"),
    ):
        with pytest.raises(StateError):
            ask()
    assert receipts.receipt(database, "r-2") is None


def test_a_database_that_is_closed_while_another_thread_reads_ends_that_thread_with_an_error(tmp_path):
    """Not the process: a connection that goes while it is used takes everything with it."""
    for at in range(20):
        database, said = Database.open(tmp_path / f"{at}.sqlite"), []

        def read(database=database, said=said):
            try:
                while True:
                    with database.reading() as sql:
                        sql.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            except StateError as error:
                said.append(error.what)

        reader = threading.Thread(target=read)
        reader.start()
        database.close()
        reader.join(20)
        assert "cannot be used" in said[0]
