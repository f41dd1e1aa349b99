"""Several processes and threads share one state database; a process that dies leaves nothing half done."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from ringfence.errors import StateError
from ringfence.store.state import Database, orders, receipts
from ringfence.store.state.receipts import Target

COUNTING = """
import sys
from pathlib import Path
from ringfence.store.state import Database, orders
print("ready", flush=True)
sys.stdin.readline()
with Database.open(Path(sys.argv[1])) as database:
    for turn in range(int(sys.argv[2])):
        print(*orders.next_sequences(database, ["host:a", "host:b"]), flush=True)
"""


def counting(path, turns, name):
    command = [sys.executable, "-c", COUNTING, path, str(turns), name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_get_different_numbers(tmp_path):
    """Both begin with no file there: one makes it, both use it, nothing is given twice, nothing is lost."""
    path = tmp_path / "state.db"
    both = [counting(path, 60, name) for name in ("first", "second")]
    for one in both:
        assert one.stdout.readline() == "ready\n"
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    given = [[tuple(map(int, line.split())) for line in one.communicate()[0].splitlines()] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert all(numbers == sorted(numbers) for numbers in ([number for number, _ in one] for one in given))
    for host in (0, 1):
        assert sorted(numbers[host] for one in given for numbers in one) == list(range(1, 121))


def test_a_killed_process_never_makes_a_number_come_twice(tmp_path):
    """SIGKILL in the middle of its work, five times; whoever comes next goes on above all that was told."""
    path = tmp_path / "state.db"
    told = []
    for turn in range(5):
        with counting(path, 100_000, f"turn-{turn}") as process:
            process.stdin.write("go\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"
            told += [int(process.stdout.readline().split()[0]) for _ in range(10)]
            process.kill()
            told += [int(line.split()[0]) for line in process.stdout if line.endswith("\n")]
        assert process.returncode == -signal.SIGKILL
        with Database.open(path) as database:
            told.append(orders.next_sequence(database, "host:a"))
    assert told == sorted(set(told))


KILLED = """
import os, signal, sys
from pathlib import Path
from ringfence.store.state import Database, orders, receipts
from ringfence.store.state.receipts import Target

def killed_before(count):
    left = count
    def profile(frame, event, called):
        nonlocal left
        if event == "c_call" and called.__name__ in ("execute", "executemany"):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return profile

path = Path(sys.argv[1])
count, status = 0, None
while status != 0:
    copy = Path(f"{path}-{count}")
    child = os.fork()
    if not child:
        sys.setprofile(killed_before(count))
        with Database.open(copy) as database:
            receipts.begin(database, "r-1", b"plan", [Target("nft", b"old"), Target("opensm", b"old")], 1.0)
            orders.next_sequences(database, ["a", "b", "b"])
            receipts.step(database, "r-1", "nft", "changing")
            orders.next_sequences(database, ["a", "c"])
            receipts.settle(database, "r-1", "applied", 2.0)
        sys.setprofile(None)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    count += 1
print(count)
"""


def test_a_process_killed_before_any_statement_leaves_a_state_between_transactions(tmp_path):
    """SIGKILL before the nth statement, for every n, opening and migration included."""
    path = tmp_path / "state.db"
    done = subprocess.run([sys.executable, "-c", KILLED, path], capture_output=True, text=True, check=True)
    points = int(done.stdout)
    assert points > 30
    seen = []
    for count in range(points):
        with Database.open(tmp_path / f"state.db-{count}") as database:
            receipt = receipts.receipt(database, "r-1")
            state = (
                receipt and (receipt.status, *(one.status for one in receipt.targets)),
                sequences(database),
            )
            assert receipts.begin(database, "r-1", b"plan", [Target("nft", b"new")], 9.0).plan == b"plan"
        if state not in seen:
            seen.append(state)
    assert seen == [
        (None, []),
        (("begun", "planned", "planned"), []),
        (("begun", "planned", "planned"), [("a", 1), ("b", 2)]),
        (("begun", "changing", "planned"), [("a", 1), ("b", 2)]),
        (("begun", "changing", "planned"), [("a", 2), ("b", 2), ("c", 1)]),
        (("applied", "changing", "planned"), [("a", 2), ("b", 2), ("c", 1)]),
    ]


def sequences(database):
    """The last number of each host."""
    with database.reading() as sql:
        return sql.execute("SELECT host, sequence FROM orders_issued ORDER BY host").fetchall()


def test_threads_of_one_process_take_turns(tmp_path):
    """One Database, eight threads: every number once."""
    with Database.open(tmp_path / "state.db") as database, ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: orders.next_sequence(database, "host:a"), range(200)))
    assert sorted(given) == list(range(1, 201))


def test_a_reader_sees_one_state_while_others_write(tmp_path):
    """A block reads as of its first statement; writers are not kept out."""
    path = tmp_path / "state.db"
    with Database.open(path) as one, Database.open(path) as two:
        orders.next_sequence(one, "host:a")
        with one.reading() as sql:
            before = sql.execute("SELECT sequence FROM orders_issued").fetchone()
            assert orders.next_sequence(two, "host:a") == 2
            assert sql.execute("SELECT sequence FROM orders_issued").fetchone() == before
        assert orders.next_sequence(one, "host:a") == 3


def test_a_database_that_stays_busy_is_told(tmp_path):
    """Another process that keeps its transaction open: an error after the wait, nothing changed."""
    path = tmp_path / "state.db"
    with Database.open(path) as one, Database.open(path) as two:
        with two.reading() as sql:
            sql.execute("PRAGMA busy_timeout = 50")
        with one.transaction():
            try:
                orders.next_sequence(two, "host:a")
            except StateError as error:
                said = error
        assert "in use by another process" in str(said)
        assert orders.next_sequence(two, "host:a") == 1
