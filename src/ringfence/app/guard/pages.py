"""Pages: somebody is woken, says so, or the next one is woken.

        page ─▶ pages.sqlite ─▶ POST to the first address ─▶ acknowledged? ─▶ over
                    ▲              │ no answer: again, later    └─ not within N minutes: the next address, and again
                    └──────────────┘

A page is on disk before anybody is told, and stays until it is taken. A body is signed: `X-Ringfence-Signature:
t=SECONDS,v1=HEX`, HMAC-SHA256 over `SECONDS.BODY` by a secret from a file. Redirects are not followed. Neither body nor
log holds a secret, and of an address only its host is ever told: what follows may be one.
"""

import hmac
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.app import files
from ringfence.errors import MissingPart, StateError, UsageError
from ringfence.estate import ids
from ringfence.store.state.database import Database
from ringfence.store.state.schema import Migration
from ringfence.transport.witness import checked_address, is_loopback

if TYPE_CHECKING:
    import httpx

FORMAT = "ringfence-page/1"
DATABASE = "pages.sqlite"
MOST = 10_000
"""Pages that wait, at most; beyond it the oldest that was taken goes, and else the new one is refused."""
WAIT = 5.0
_FIRST, _LONGEST = 2.0, 300.0
_TEXT, _MANY = 500, 50
_SHORTEST_SECRET = 16

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE pages (
            id TEXT PRIMARY KEY, incident TEXT NOT NULL, body BLOB NOT NULL, level INTEGER NOT NULL,
            made_at REAL NOT NULL, raised_at REAL NOT NULL, next_at REAL NOT NULL, tries INTEGER NOT NULL,
            told_at REAL NOT NULL, answer TEXT NOT NULL, taken_by TEXT NOT NULL, taken_at REAL NOT NULL
        ) STRICT""",
        "CREATE INDEX pages_due ON pages (taken_by, next_at)",
    ),
)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[pages]` of the guard's settings: addresses in the order of waking; who did not answer within `minutes` is
    passed over. `secret`: a private file (0600) of at least 16 bytes that signs; "": unsigned.
    """

    urls: tuple[str, ...] = ()
    secret: str = ""
    minutes: float = 10.0


class Page(msgspec.Struct, frozen=True):
    """A page as it is kept. `level`: which address is asked; `told_at` 0: nobody was reached; `taken_by` "": open.

    Times are seconds since the epoch.
    """

    id: str
    incident: str
    body: bytes
    level: int
    made_at: float
    raised_at: float
    next_at: float
    tries: int
    told_at: float
    answer: str
    taken_by: str
    taken_at: float


class Sent(msgspec.Struct, frozen=True):
    """One try: `to` is the host, `answer` a status or what went wrong."""

    page: Page
    to: str
    reached: bool
    answer: str


def page_id(incident: str, why: str) -> str:
    """The id of "wake somebody for this": the same however often it is asked."""
    return sha256(f"{len(incident)}:{incident}{why}".encode()).hexdigest()[:32]


def body(
    incident: str, title: str, severity: int, why: str, press: Sequence[str] = (), **counts: int
) -> dict[str, Any]:
    """What a page says: what happened, how much is cut, held and disturbed (`counts`), what to press."""
    return {
        "incident": ids.clean(incident)[:_TEXT],
        "title": ids.clean(title)[:_TEXT],
        "severity": severity,
        "why": ids.clean(why)[:_TEXT],
        "press": [ids.clean(one)[:_TEXT] for one in press[:_MANY]],
        "counts": counts,
    }


class Pager:
    """Sends what is due. `told` hears each try: the guard writes a line of it.

    Raises `UsageError` for settings that cannot be used: an address that is not safe, a secret that others can read.
    """

    def __init__(self, state: Path, settings: Settings, told: Callable[[Sent], None] = lambda _: None) -> None:
        self._hosts = [checked_address(one) for one in settings.urls]
        if not 0 < settings.minutes < 1e6:
            raise UsageError(f"{settings.minutes} minutes is no time to wait for somebody", "write minutes = 10")
        self._settings, self._told = settings, told
        self._secret = secret_of(Path(settings.secret)) if settings.secret else b""
        self._clients = [_client(one) for one in self._hosts]
        self._database = Database.open(state / DATABASE, MIGRATIONS)
        self._wake = threading.Event()

    def page(self, incident: str, said: dict[str, Any], now: float, why: str = "") -> bool:
        """Wake somebody; false where that was asked before. On disk when this returns.

        `why` tells pages about one incident apart. Raises `StateError` where there is no room.
        """
        page = page_id(incident, why)
        data = msgspec.json.encode({"format": FORMAT, "id": page, **said, "made_at": now}, order="sorted")
        with self._database.transaction() as sql:
            _make_room(sql)
            row = (page, incident, data, 0, now, now, now, 0, 0.0, "", "", 0.0)
            new = sql.execute(f"INSERT OR IGNORE INTO pages VALUES ({', '.join('?' * len(row))})", row).rowcount == 1  # noqa: S608
        self._wake.set()
        return new

    def step(self, now: float) -> list[Sent]:
        """Raise what nobody took in time, send what is due; what became of each. Raises `StateError`."""
        if not self._settings.urls:
            return []
        done = []
        latest = now + 60 * self._settings.minutes + _LONGEST  # beyond it the clock was set back
        due = "taken_by = '' AND (next_at <= ? OR next_at > ?) ORDER BY next_at LIMIT 100"
        for one in _rows(self._database, due, now, latest):
            page = self._raised(one, now)
            sent = self._send(page, now)
            self._keep(sent, now)
            self._told(sent)
            done.append(sent)
        return done

    def run(self, over: threading.Event) -> None:
        """Send until `over`; a database that fails is told once and asked again."""
        trouble = ""
        while not over.is_set():
            before, trouble = trouble, ""
            try:
                self.step(time())
            except StateError as error:
                trouble = error.what
                if trouble != before:
                    self._told(Sent(_NOBODY, "", False, trouble))
            self._wake.wait(1.0)
            self._wake.clear()

    def close(self) -> None:
        """Let go of connections and the database."""
        for one in self._clients:
            one.close()
        self._database.close()

    def _raised(self, page: Page, now: float) -> Page:
        """The page, one address on if nobody took it in time; the last address is asked again and again."""
        if 0 <= now - page.raised_at < 60 * self._settings.minutes:
            return page
        level = min(page.level + 1, len(self._settings.urls) - 1)
        return msgspec.structs.replace(page, level=level, raised_at=now, tries=0)

    def _send(self, page: Page, now: float) -> Sent:
        level = min(page.level, len(self._hosts) - 1)
        about = {"level": level, "sent_at": int(now)}
        data = msgspec.json.encode(msgspec.json.decode(page.body) | about, order="sorted")
        heads = {"Content-Type": "application/json", "X-Ringfence-Page": page.id}
        if self._secret:
            heads["X-Ringfence-Signature"] = signature(self._secret, int(now), data)
        answer = _post(self._clients[level], self._settings.urls[level], data, heads)
        return Sent(page, self._hosts[level], answer.isdigit() and 200 <= int(answer) < 300, answer)

    def _keep(self, sent: Sent, now: float) -> None:
        """When it is due again: at the next address once the time is over, or after a pause if nobody was reached."""
        page = sent.page
        end = page.raised_at + 60 * self._settings.minutes
        pause = min(_FIRST * 2 ** min(page.tries, 20), _LONGEST)
        due = end if sent.reached else min(now + pause, max(end, now + _FIRST))
        with self._database.transaction() as sql:
            sql.execute(
                "UPDATE pages SET level = ?, raised_at = ?, next_at = ?, tries = ?, told_at = ?, answer = ?"
                " WHERE id = ? AND taken_by = ''",
                (
                    page.level,
                    page.raised_at,
                    due,
                    0 if sent.reached else page.tries + 1,
                    now if sent.reached else page.told_at,
                    sent.answer,
                    page.id,
                ),
            )


_NOBODY = Page("", "", b"", 0, 0.0, 0.0, 0.0, 0, 0.0, "", "", 0.0)


def ack(state: Path, incident: str, who: str, now: float | None = None) -> list[Page]:
    """Somebody takes the pages of an incident (its id, or the beginning of it); those that were open.

    Raises `UsageError` where there is none.
    """
    with _opened(state) as database:
        known = _rows(database, "substr(incident, 1, ?) = ? ORDER BY made_at", len(incident), incident)
        if not incident or len({one.incident for one in known}) != 1:
            what = "several incidents begin with" if known and incident else "nobody was paged for"
            raise UsageError(f"{what} {incident or 'nothing'}", "`ringfence incidents` lists them")
        when = time() if now is None else now
        with database.transaction() as sql:
            sql.execute(
                "UPDATE pages SET taken_by = ?, taken_at = ? WHERE incident = ? AND taken_by = ''",
                (ids.clean(who)[:_TEXT] or "somebody", when, known[0].incident),
            )
        taken = {one.id for one in known if not one.taken_by}
        return [one for one in _rows(database, "incident = ?", known[0].incident) if one.id in taken]


def listed(state: Path, incident: str = "") -> list[Page]:
    """The pages of an incident, or all, oldest first; none where nobody was ever paged."""
    if not (state / DATABASE).exists():
        return []
    with _opened(state) as database:
        return _rows(database, "?1 IN ('', incident) ORDER BY made_at", incident)


def signature(secret: bytes, when: int, data: bytes) -> str:
    """The value of `X-Ringfence-Signature`. A receiver computes it again, and refuses a time that is long past."""
    return f"t={when},v1={hmac.new(secret, f'{when}.'.encode() + data, sha256).hexdigest()}"


def _make_room(sql: Any) -> None:
    count = sql.execute("SELECT count(*) FROM pages").fetchone()[0]
    if count >= MOST:
        gone = "DELETE FROM pages WHERE id IN (SELECT id FROM pages WHERE taken_by <> '' ORDER BY taken_at LIMIT 100)"
        if not sql.execute(gone).rowcount:
            raise StateError(f"{count} pages wait, and nobody takes one", "`ringfence respond ack INCIDENT` takes them")


def _post(client: "httpx.Client", url: str, data: bytes, heads: dict[str, str]) -> str:
    """The status as text, or in a word what went wrong. The answer's body is not read."""
    import httpx

    try:
        with client.stream("POST", url, content=data, headers=heads) as answer:
            return str(answer.status_code)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__


def _client(host: str) -> "httpx.Client":
    try:
        import httpx
    except ImportError:
        raise MissingPart("pages need httpx", "pip install 'ringfence[fence]'") from None
    return httpx.Client(timeout=WAIT, follow_redirects=False, trust_env=not is_loopback(host))


def secret_of(path: Path) -> bytes:
    """What signs pages. Raises `UsageError`, as `check_secret`."""
    check_secret(path)
    found = files.private(path).strip()
    if len(found) < _SHORTEST_SECRET:
        raise UsageError(f"{path} holds {len(found)} bytes; a secret has {_SHORTEST_SECRET} or more", "make a new one")
    return found


def check_secret(path: Path) -> None:
    """That a file can hold a secret, without opening it: who only plans need not be able to read it.

    Raises `UsageError` for what is not there, no regular file, too short, or can be read by others.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "make it, with mode 0600, or leave `secret` out") from None
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} is no regular file", "name a file of mode 0600")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise UsageError(f"{path} can be read by others", f"chmod 600 {path}")
    if found.st_size < _SHORTEST_SECRET:
        raise UsageError(f"{path} holds {found.st_size} bytes; a secret has {_SHORTEST_SECRET} or more")


@contextmanager
def _opened(state: Path) -> Iterator[Database]:
    if not (state / DATABASE).exists():
        raise UsageError(f"nobody was ever paged from {state}", "name the guard's folder with --state")
    with closing(Database.open(state / DATABASE, MIGRATIONS)) as database:
        yield database


def _rows(database: Database, where: str, *values: Any) -> list[Page]:
    with database.reading() as sql:
        return [Page(*row) for row in sql.execute(f"SELECT * FROM pages WHERE {where}", values)]  # noqa: S608
