"""Heads go to a file and to a real witness over HTTP; a log that was rewritten is refused there and told here."""

import base64
import json
import os
import shutil
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.evidence_export import export, verify
from ringfence.app.guard.pages import Pager, Settings, listed
from ringfence.app.guard.witness import Watched, alarm, kept
from ringfence.app.guard.witness_server import Keeper, serving
from ringfence.errors import InputError, StateError, UsageError
from ringfence.store.journal import Journal, Signer, Verifier, lines, read
from ringfence.store.journal.witness import Cosigner, Witness, ask, cosigned, cosigners, parse_ask
from ringfence.transport.witness import FAILED, KEPT, REWRITTEN, UNKNOWN, FileWitness, HttpWitness, heads_in, witness_of
from tests.respond import evidence_story, naive_evidence

SIGNER = Signer.from_seed(ORIGIN, bytes(32))
KEYS = (SIGNER.verifier,)


def log(folder, *batches):
    """A log with these batches of entries; its tree."""
    with Journal.open(folder, ORIGIN, SIGNER) as journal:
        for batch in batches:
            journal.append([one.encode() for one in batch])
    return read(folder, KEYS)


@contextmanager
def witnessed(tmp_path, logs=KEYS):
    """A witness of ours on the loopback: (client with its key, its keeper)."""
    keeper = Keeper(tmp_path / "keeper", logs)
    with serving(keeper, "127.0.0.1", 0) as (host, port):
        client = HttpWitness(f"http://{host}:{port}/w", keeper.witness.cosigner)
        yield client, keeper
        client.close()


# the formats


def test_a_cosignature_is_what_the_text_of_the_format_says(tmp_path):
    """The verifier written from the texts accepts it, under a key of type 4."""
    tree = log(tmp_path / "log", ["a", "b"])
    witness = Witness(Signer.from_seed("witness.example/w1", bytes(range(32))))
    note = tree.checkpoint.note + witness.cosign(tree.checkpoint.note.rpartition("\n\n")[0] + "\n", 1_679_315_147)
    key = str(witness.cosigner)
    assert naive_evidence.open_head(note, str(KEYS[0]), [key])[3] == {"witness.example/w1": 1_679_315_147}
    assert cosigners(note, [Cosigner.parse(key)]) == {"witness.example/w1": 1_679_315_147}
    assert cosigned(tree.checkpoint, note.rpartition("\n\n")[2], [witness.cosigner]) == note


def test_an_answer_without_the_witnesss_own_cosignature_is_no_answer(tmp_path):
    """Lines of unknown keys are ignored."""
    tree = log(tmp_path / "log", ["a"])
    other, known = (Witness(Signer.generate("w")) for _ in range(2))
    with pytest.raises(InputError, match="no cosignature"):
        cosigned(tree.checkpoint, other.cosign(tree.checkpoint.note.rpartition("\n\n")[0] + "\n", 1), [known.cosigner])


def test_a_witnesss_key_has_one_spelling():
    """A log's key is none; nor is one whose id was changed."""
    key = str(Witness(Signer.from_seed("w", bytes(32))).cosigner)
    assert str(Cosigner.parse(key)) == key
    for wrong in (str(KEYS[0]), key.replace("w+", "v+"), key.upper(), key[:-4], "", "w"):
        with pytest.raises(InputError):
            Cosigner.parse(wrong)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 1\n",
        b"old 01\n\nx",
        b"old -1\n\nx",
        b"old 1\nAAAA\n\nx\n1\ny\n\n",
        b"\xff\n\n",
        b"old 1\n" + b"A" * 70_000,
    ],
)
def test_what_is_no_request_is_refused(body):
    """Bounded, and with a reason."""
    with pytest.raises(InputError):
        parse_ask(body)


def test_a_request_comes_back_as_it_was_made(tmp_path):
    """Old size, hashes, checkpoint."""
    tree = log(tmp_path / "log", ["a", "b", "c"], ["d", "e"])
    asked = parse_ask(ask(3, tree.consistency(3), tree.checkpoint.note))
    assert (asked.old, list(asked.proof), asked.head.note) == (3, tree.consistency(3), tree.checkpoint.note)


# the file


def test_each_head_is_a_line_of_the_file_and_the_same_head_stands_once(tmp_path):
    """0600, appended."""
    witness = FileWitness(tmp_path / "heads", KEYS)
    for batch in (["a"], ["b", "c"], ["d"]):
        tree = log(tmp_path / "log", batch)
        assert [witness.send(tree).said, witness.send(tree).said] == [KEPT, KEPT]
    assert [head.size for _, head in heads_in(tmp_path / "heads", KEYS)] == [1, 3, 4]
    assert (tmp_path / "heads").stat().st_mode & 0o777 == 0o600


def test_a_rewritten_a_shortened_and_a_changed_log_are_refused_by_the_file(tmp_path):
    """What it took stays the last word."""
    path = tmp_path / "heads"
    assert FileWitness(path, KEYS).send(log(tmp_path / "log", ["a", "b", "c"])).said == KEPT
    for name, entries in (("same size", "abx"), ("shorter", "ab"), ("longer", "axcd")):
        said = FileWitness(path, KEYS).send(log(tmp_path / name, list(entries)))
        assert said.said == REWRITTEN, name
        assert "took" in said.why
    assert len(heads_in(path, KEYS)) == 1


def test_a_head_that_was_cut_off_while_it_was_written_is_told_and_the_next_one_goes_on(tmp_path):
    """Power failed; the line before is known to be torn, and nothing is truncated."""
    path = tmp_path / "heads"
    FileWitness(path, KEYS).send(log(tmp_path / "log", ["a"]))
    with path.open("ab") as file:
        file.write(b'{"head":"ringfence/fe')
    assert [head.size for _, head in heads_in(path, KEYS)] == [1]
    assert FileWitness(path, KEYS).send(log(tmp_path / "log", ["b"])).said == KEPT
    assert [head.size for _, head in heads_in(path, KEYS)] == [1, 2]


def test_a_changed_byte_of_the_file_is_found(tmp_path):
    """Its line is named."""
    path = tmp_path / "heads"
    for batch in (["a"], ["b"]):
        FileWitness(path, KEYS).send(log(tmp_path / "log", batch))
    data = path.read_bytes()
    for at in range(data.index(b"\n") - 1):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        (number, found), *_ = heads_in(path, KEYS)
        assert (number, isinstance(found, InputError)) == (1, True)


def test_a_file_that_cannot_be_written_or_has_lost_heads_is_told(tmp_path):
    """A folder that is gone, a pipe, a file that was emptied."""
    tree = log(tmp_path / "log", ["a"])
    assert FileWitness(tmp_path / "nowhere" / "heads", KEYS).send(tree).said == FAILED
    os.mkfifo(tmp_path / "pipe")
    assert FileWitness(tmp_path / "pipe", KEYS).send(tree).said == FAILED
    witness = FileWitness(tmp_path / "heads", KEYS)
    witness.send(tree)
    (tmp_path / "heads").write_bytes(b"")
    assert "has lost heads" in witness.send(log(tmp_path / "log", ["b"])).why


# a witness over HTTP


def test_a_witness_cosigns_each_head_that_continues_the_last(tmp_path):
    """Its word is kept with the head, and outlasts both processes."""
    with witnessed(tmp_path) as (client, keeper):
        for batch in (["a"], ["b", "c"]):
            said = client.send(log(tmp_path / "log", batch))
            assert said.said == KEPT
            assert naive_evidence.open_head(said.note, str(KEYS[0]), [str(keeper.witness.cosigner)])[3]
    with witnessed(tmp_path) as (client, _):
        assert client.send(log(tmp_path / "log", ["d"])).said == KEPT
        assert client.send(log(tmp_path / "log")).said == KEPT


def test_a_rewritten_log_is_refused_by_the_witness(tmp_path):
    """Also by one that asks it for the first time, and also when both were started again."""
    with witnessed(tmp_path) as (client, _):
        assert client.send(log(tmp_path / "log", ["a", "b", "c"])).said == KEPT
        assert client.send(log(tmp_path / "other", list("axcd"))).said == REWRITTEN
        assert client.send(log(tmp_path / "same", list("abx"))).said == REWRITTEN
        assert client.send(log(tmp_path / "shorter", ["a"])).said == REWRITTEN
    with witnessed(tmp_path) as (client, _):
        assert client.send(read(tmp_path / "other", KEYS)).said == REWRITTEN
        assert client.send(log(tmp_path / "log", ["d"])).said == KEPT


def test_a_log_or_a_key_that_the_witness_does_not_serve_is_said_to_be_unknown(tmp_path):
    """Not rewritten: nobody is woken for a setting."""
    tree = log(tmp_path / "log", ["a"])
    for number, logs in enumerate(
        ([], [Verifier("other", SIGNER.verifier.public)], [Signer.generate(ORIGIN).verifier])
    ):
        with witnessed(tmp_path / str(number), logs) as (client, _):
            assert client.send(tree).said == UNKNOWN


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"nonsense", 400), (b"old 9\n\n", 400), (b"x" * 70_000, 400)],
)
def test_the_witness_refuses_what_is_no_request(tmp_path, body, status):
    """And goes on."""
    with witnessed(tmp_path) as (client, _):
        assert httpx.post(f"{client.prefix}/add-checkpoint", content=body).status_code == status
        assert httpx.post(f"{client.prefix}/other", content=b"").status_code == 404
        assert client.send(log(tmp_path / "log", ["a"])).said == KEPT


def test_the_witness_answers_with_the_codes_of_the_text(tmp_path):
    """409 with its size and type, 422 for a wrong proof, 400 for an old size beyond the new one."""
    tree = log(tmp_path / "log", ["a", "b", "c"], ["d", "e"])
    note = tree.checkpoint.note
    with witnessed(tmp_path) as (client, _):

        def post(*asked):
            return httpx.post(f"{client.prefix}/add-checkpoint", content=ask(*asked))

        first = post(3, tree.consistency(3), note)
        assert (first.status_code, first.text, first.headers["content-type"]) == (409, "0\n", "text/x.tlog.size")
        assert post(9, [], note).status_code == 400
        assert post(0, [bytes(32)], note).status_code == 422
        assert post(0, [], note).status_code == 200
        assert post(0, [], note).text == "5\n"
        grown = log(tmp_path / "log", ["f"])
        assert post(5, [bytes(32)] * 3, grown.checkpoint.note).status_code == 422


def test_a_witness_that_cannot_read_what_it_took_cosigns_nothing(tmp_path):
    """One that forgets would cosign a rewritten log."""
    with witnessed(tmp_path) as (client, keeper):
        client.send(log(tmp_path / "log", ["a"]))
        (head,) = (tmp_path / "keeper").glob("*.head")
        head.write_bytes(b"damaged")
        with pytest.raises(StateError, match="cannot be read"):
            keeper.answer(ask(0, [], log(tmp_path / "log", ["b"]).checkpoint.note))
        assert client.send(read(tmp_path / "log", KEYS)).said == FAILED


def test_requests_at_once_never_cosign_two_branches(tmp_path):
    """Checking and keeping are one."""
    keeper = Keeper(tmp_path / "keeper", KEYS)
    bodies = [ask(0, [], log(tmp_path / str(at), [f"branch {at}"]).checkpoint.note) for at in range(8)]
    answers = []
    threads = [threading.Thread(target=lambda body=body: answers.append(keeper.answer(body)[0])) for body in bodies]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(answers) == [200] + [409] * 7


@contextmanager
def answering(status, body=b"", headers=()):
    """A stand-in for a witness that answers the same whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"nonsense", ()),
        (200, b"x" * 100_000, ()),
        (409, b"many", ()),
        (302, b"", (("Location", "http://127.0.0.1:9/"),)),
        (500, b"", ()),
    ],
)
def test_an_answer_that_is_none_is_a_failure_and_no_alarm(tmp_path, status, body, headers):
    """A stand-in that answers nonsense; redirects are not followed."""
    key = Witness(Signer.generate("w")).cosigner
    with answering(status, body, headers) as url:
        assert HttpWitness(url, key).send(log(tmp_path / "log", ["a"])).said == FAILED


def test_only_safe_addresses_name_a_witness(tmp_path):
    """https, this machine, a file by its whole path."""
    key = str(Witness(Signer.from_seed("w", bytes(32))).cosigner)
    assert witness_of(f"https://w.example/x {key}", KEYS).name == "w"
    assert witness_of("http://127.0.0.1:1", KEYS).name == "127.0.0.1:1"
    assert witness_of(f"file:{tmp_path}/heads", KEYS).name == f"file:{tmp_path}/heads"
    for wrong in (
        "http://w.example",
        "file:heads",
        "ftp://w",
        "w.example",
        "https://w nokey",
        "",
        "http://[::",
        "https://",
    ):
        with pytest.raises(UsageError):
            witness_of(wrong, KEYS)


def test_a_witness_is_served_on_this_machine_alone_unless_it_is_said(tmp_path):
    """It speaks plain HTTP."""
    keeper = Keeper(tmp_path / "keeper", KEYS)
    with pytest.raises(UsageError, match="plain HTTP"), serving(keeper, "0.0.0.0", 0):
        pass


def test_a_witnesss_key_is_made_once_and_private(tmp_path):
    """Its name goes with it."""
    first = Keeper(tmp_path / "keeper", KEYS).witness.cosigner
    assert Keeper(tmp_path / "keeper", KEYS).witness.cosigner == first
    assert (tmp_path / "keeper" / "witness.key").stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(str(first).split("+", 2)[2])) == 33


# the guard's side


def test_each_append_reaches_the_witnesses_and_a_rewritten_log_is_told_loudly(tmp_path):
    """Lines are written while a thread sends heads; then root rewrites all of it."""
    ledger = Ledger(tmp_path / "state").make()
    _ = ledger.database
    book = Book(ledger)
    book.write(evidence_story.story())
    told, heads = [], tmp_path / "heads"
    witness = FileWitness(heads, (ledger.signer.verifier,))
    with Watched([witness], book.tree, ledger.folder, told.append) as watched:
        writing = Book(ledger, watched.changed)
        writing.write(evidence_story.story("RF-ffffffffffff", 9))
    assert [head.size for _, head in heads_in(heads, (ledger.signer.verifier,))][-1] == book.tree().size
    assert told == []
    shutil.rmtree(ledger.folder / "journal")
    book = Book(ledger)
    book.write(evidence_story.story()[1:])
    assert Watched([witness], book.tree, ledger.folder, told.append).once()[0].said == REWRITTEN
    assert [one.said for one in told] == [REWRITTEN]


def test_a_rewritten_log_wakes_somebody_and_is_a_line_once(tmp_path):
    """The line of it is a new head, which is refused as well: that is no news."""
    ledger = Ledger(tmp_path / "state").make()
    _ = ledger.database
    book = Book(ledger)
    book.write(evidence_story.story())
    witness = FileWitness(tmp_path / "heads", (ledger.signer.verifier,))
    Watched([witness], book.tree, ledger.folder).once()
    shutil.rmtree(ledger.folder / "journal")
    book = Book(ledger)
    book.write(evidence_story.story()[1:])
    with closing(Pager(ledger.folder, Settings())) as pager:
        watched = Watched([witness], book.tree, ledger.folder, alarm(book, pager))
        for _ in range(3):
            watched.once()
    told = [lines.decode(one) for one in book.tree().entries()][-1]
    assert (told.what, book.tree().size) == ("respond.witness", len(evidence_story.story()))
    assert told.detail["said"].startswith("rewritten: ")
    (page,) = listed(ledger.folder, "journal")
    assert b"it was rewritten" in page.body


def test_a_witness_that_fails_is_told_once_and_when_it_is_back(tmp_path):
    """Not each second."""
    ledger = Ledger(tmp_path / "state").make()
    _ = ledger.database
    book = Book(ledger)
    book.write(evidence_story.story())
    told, folder = [], tmp_path / "far"
    watched = Watched([FileWitness(folder / "heads", (ledger.signer.verifier,))], book.tree, ledger.folder, told.append)
    watched.once()
    watched.once()
    folder.mkdir()
    watched.once()
    assert [one.said for one in told] == [FAILED, KEPT]


def test_an_export_bears_the_witnesss_cosignature_and_both_verifiers_check_it(tmp_path):
    """A file that needs nobody to be asked."""
    ledger = Ledger(tmp_path / "state").make()
    _ = ledger.database
    Book(ledger).write(evidence_story.story())
    out = tmp_path / "e.json"
    with witnessed(tmp_path, [ledger.signer.verifier]) as (client, keeper):
        assert export(ledger.folder, out, "RF-0123456789ab", b"{}", [client]).witnesses[0].said == KEPT
    assert len(kept(ledger.folder)) == 1
    found = verify(out, [ledger.signer.verifier])
    assert found.problems == ()
    assert list(found.cosigned) == [keeper.witness.cosigner.name]
    naive_evidence.verify(out.read_bytes(), str(ledger.signer.verifier))
    data = json.loads(out.read_text())
    assert data["witnesses"] == [str(keeper.witness.cosigner)]
    text = out.read_bytes()
    begin = text.index(b"ringfence/witness ", text.index(b'"checkpoint"'))
    for at in range(begin, begin + 110):
        changed = text[:at] + bytes([text[at] ^ 2]) + text[at + 1 :]
        (tmp_path / "changed.json").write_bytes(changed)
        assert verify(tmp_path / "changed.json", [ledger.signer.verifier]).problems[0].line == 6
