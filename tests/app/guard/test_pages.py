"""Somebody is woken over real HTTP, may say so, and else the next one is; what is not delivered is not forgotten."""

import hashlib
import hmac
import json
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ringfence.app.guard.pages import DATABASE, MOST, Pager, Settings, ack, body, listed
from ringfence.errors import StateError, UsageError

SECRET = b"0123456789abcdef0123456789abcdef"
SAID = body("RF-1", "weights leave", 90, "cut", ["ringfence respond undo RF-1"], cut=2, disturbed=1)


class Pagers:
    """Who is woken: what each got, and what each answers."""

    def __init__(self):
        self.got, self.answers, self.location = [], {}, ""


@contextmanager
def served():
    pagers = Pagers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            pagers.got.append((self.path, dict(self.headers), data))
            self.send_response(pagers.answers.get(self.path, 200))
            if pagers.location:
                self.send_header("Location", pagers.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    pagers.url = f"http://127.0.0.1:{server.server_port}"
    yield pagers
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def paging(tmp_path, pagers, told=lambda _: None, minutes=10.0, secret=True):
    file = tmp_path / "secret"
    file.write_bytes(SECRET)
    file.chmod(0o600)
    urls = (f"{pagers.url}/first?token=hunter2", f"{pagers.url}/second")
    with closing(Pager(tmp_path, Settings(urls, str(file) if secret else "", minutes), told)) as pager:
        yield pager


def paths(pagers):
    return [path.partition("?")[0] for path, _, _ in pagers.got]


def test_a_page_is_signed_json_that_says_what_to_press(tmp_path):
    """The receiver computes the same HMAC."""
    with served() as pagers, paging(tmp_path, pagers) as pager:
        assert pager.page("RF-1", SAID, 1000.0)
        assert [one.reached for one in pager.step(1000.0)] == [True]
        (_, heads, data) = pagers.got[0]
        said = json.loads(data)
        assert (said["format"], said["incident"], said["counts"]["cut"]) == ("ringfence-page/1", "RF-1", 2)
        assert said["press"] == ["ringfence respond undo RF-1"]
        when, _, mac = heads["X-Ringfence-Signature"].partition(",")
        wanted = hmac.new(SECRET, when.removeprefix("t=").encode() + b"." + data, hashlib.sha256).hexdigest()
        assert mac == f"v1={wanted}"
        assert heads["X-Ringfence-Page"] == said["id"]


def test_the_same_incident_is_paged_once(tmp_path):
    """Another reason is another page."""
    with served() as pagers, paging(tmp_path, pagers) as pager:
        assert [pager.page("RF-1", SAID, 1.0), pager.page("RF-1", SAID, 2.0)] == [True, False]
        assert pager.page("RF-1", SAID, 3.0, "the journal was rewritten")
        pager.step(4.0)
        pager.step(5.0)
        assert len(pagers.got) == 2


def test_who_does_not_take_it_in_time_is_passed_over_and_the_last_is_asked_again(tmp_path):
    """After ten minutes the next address; after ten more the last one again."""
    with served() as pagers, paging(tmp_path, pagers) as pager:
        pager.page("RF-1", SAID, 0.0)
        for now in (0.0, 1.0, 599.0, 600.0, 1199.0, 1200.0, 1800.0):
            pager.step(now)
        assert paths(pagers) == ["/first", "/second", "/second", "/second"]
        assert [json.loads(data)["level"] for _, _, data in pagers.got] == [0, 1, 1, 1]


def test_who_takes_it_is_the_last_one_woken(tmp_path):
    """By the beginning of the incident's id; the name is kept, and taking it twice changes nothing."""
    with served() as pagers, paging(tmp_path, pagers) as pager:
        pager.page("RF-12ab", SAID, 0.0)
        pager.page("RF-12ab", SAID, 0.0, "more")
        pager.step(0.0)
        assert [one.taken_by for one in ack(tmp_path, "RF-12", "alice", 30.0)] == ["alice", "alice"]
        assert ack(tmp_path, "RF-12ab", "bob", 40.0) == []
        assert pager.step(10_000.0) == []
        assert {(one.taken_by, one.taken_at) for one in listed(tmp_path, "RF-12ab")} == {("alice", 30.0)}


def test_a_page_that_nobody_was_paged_for_cannot_be_taken(tmp_path):
    """Nor one of two that are meant."""
    with pytest.raises(UsageError, match="nobody was ever paged"):
        ack(tmp_path, "RF-1", "alice")
    with served() as pagers, paging(tmp_path, pagers) as pager:
        pager.page("RF-1a", SAID, 0.0)
        pager.page("RF-1b", SAID, 0.0)
        for wrong, why in (("RF-2", "nobody was paged"), ("RF-1", "several"), ("", "nobody was paged")):
            with pytest.raises(UsageError, match=why):
                ack(tmp_path, wrong, "alice")


@pytest.mark.parametrize("status", [301, 307, 400, 404, 429, 500, 503])
def test_what_was_not_delivered_is_sent_again_later_and_later(tmp_path, status):
    """Redirects are not followed; pauses double, until the next one is asked."""
    with served() as pagers, paging(tmp_path, pagers) as pager:
        pagers.answers["/first?token=hunter2"] = status
        pagers.location = f"{pagers.url}/elsewhere"
        pager.page("RF-1", SAID, 0.0)
        tried = [now for now in range(601) if pager.step(float(now))]
        assert tried == [0, 2, 6, 14, 30, 62, 126, 254, 510, 600]
        assert paths(pagers) == ["/first"] * 9 + ["/second"]


def test_a_dead_address_wakes_the_next_one(tmp_path):
    """Nobody listens on the first port."""
    with served() as pagers:
        settings = Settings(("http://127.0.0.1:9/x", f"{pagers.url}/second"), minutes=1.0)
        with closing(Pager(tmp_path, settings)) as pager:
            pager.page("RF-1", SAID, 0.0)
            for now in range(70):
                pager.step(float(now))
        assert paths(pagers) == ["/second"]


def test_a_page_outlives_the_process(tmp_path):
    """Kept before it is sent; another process sends it."""
    with served() as pagers:
        with paging(tmp_path, pagers) as pager:
            pager.page("RF-1", SAID, 0.0)
        with paging(tmp_path, pagers) as pager:
            assert len(pager.step(5.0)) == 1
            assert pager.page("RF-1", SAID, 6.0) is False


def test_a_clock_that_is_set_back_silences_nobody(tmp_path):
    """What is due in a year is due now."""
    with served() as pagers, paging(tmp_path, pagers) as pager:
        pager.page("RF-1", SAID, 40_000_000.0)
        pager.step(40_000_000.0)
        assert len(pager.step(1000.0)) == 1


def test_no_address_no_secret_and_no_token_is_told(tmp_path):
    """Of an address only its host; nothing of it stands in the database."""
    told = []
    with served() as pagers, paging(tmp_path, pagers, told.append) as pager:
        pagers.answers["/first?token=hunter2"] = 500
        pager.page("RF-1", SAID, 0.0)
        pager.step(0.0)
        assert (told[0].to, told[0].answer) == ("127.0.0.1", "500")
        assert "hunter2" not in repr(told)
        assert all(SECRET not in data and b"hunter2" not in data for _, _, data in pagers.got)
    assert b"hunter2" not in (tmp_path / DATABASE).read_bytes()
    assert (tmp_path / DATABASE).stat().st_mode & 0o777 == 0o600


def test_what_waits_is_bounded_and_nothing_open_is_dropped(tmp_path):
    """The oldest that was taken goes; where all are open the new one is refused."""
    with closing(Pager(tmp_path, Settings())) as pager:
        row = ("x", b"{}", 0, 0.0, 0.0, 0.0, 0, 0.0, "", "", 0.0)
        with pager._database.transaction() as sql:
            many = ((f"{at:05d}", *row) for at in range(MOST))
            sql.executemany(f"INSERT INTO pages VALUES ({', '.join('?' * 12)})", many)
        with pytest.raises(StateError, match="nobody takes one"):
            pager.page("RF-1", SAID, 0.0)
        ack(tmp_path, "x", "alice", 1.0)
        assert pager.page("RF-1", SAID, 2.0)


def test_a_pager_runs_until_it_is_told_to_end(tmp_path):
    """In a thread, woken by each page."""
    over, reached = threading.Event(), threading.Event()
    with served() as pagers, paging(tmp_path, pagers, lambda _: reached.set()) as pager:
        thread = threading.Thread(target=pager.run, args=(over,))
        thread.start()
        pager.page("RF-1", SAID, 0.0)
        assert reached.wait(10)
        over.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "url", ["http://pager.example/x", "ftp://pager.example", "pager.example", "", "https://", "https://a b/"]
)
def test_only_safe_addresses_are_paged(tmp_path, url):
    """https, or this machine."""
    with pytest.raises(UsageError):
        Pager(tmp_path, Settings((url,)))


def test_a_secret_that_others_can_read_or_that_is_short_is_refused(tmp_path):
    """And a time that is none."""
    file = tmp_path / "secret"
    file.write_bytes(SECRET)
    file.chmod(0o644)
    with pytest.raises(UsageError, match="read by others"):
        Pager(tmp_path, Settings(("https://pager.example",), str(file)))
    file.write_bytes(b"short")
    file.chmod(0o600)
    with pytest.raises(UsageError, match="16 or more"):
        Pager(tmp_path, Settings(("https://pager.example",), str(file)))
    for minutes in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="no time"):
            Pager(tmp_path, Settings(("https://pager.example",), "", minutes))
