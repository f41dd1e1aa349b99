"""A whole `ringfence guard --apply` that agents talk to: what one key makes up about others cuts nobody but itself."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from ringfence.app.orders.home import ServerHome
from ringfence.store.saved import save
from tests.live.contained import ROOT, Contained, contained, end, estate, host, name
from tests.live.netns import settled
from tests.live.watching import now, secret, told, usual
from tests.transport.parts import a_node, until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def whole() -> Iterator[Contained]:
    """Three hosts with their enforcers, and a server."""
    with contained(3) as found:
        yield found


def test_forged_telemetry_cuts_nobody_who_is_healthy(whole):
    """With one host's key somebody tells of thefts on the two others, again and again; with their own, all is well."""
    guarded = whole.guard()
    save(estate(3, observed=time.time()), guarded.file)
    nodes = [a_node(ServerHome(whole.home), guarded.folder / f"agent{at}", host(at), role="agent") for at in range(3)]
    log, out = guarded.folder / "guard.log", guarded.folder / "guard.out"
    argv = ["guard", "--apply", "--json", "--server", whole.home, "--address", "127.0.0.1:0"]
    argv += [
        "--estate",
        guarded.file,
        "--site",
        guarded.site.file,
        "--state",
        guarded.folder,
        "--home",
        guarded.site.home,
    ]
    with log.open("wb") as said, out.open("wb") as answers:
        process = subprocess.Popen(
            [sys.executable, "-m", "ringfence", *map(str, argv)], stdin=subprocess.DEVNULL, stdout=answers, stderr=said,
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    try:
        until(lambda: b"watching; " in log.read_bytes(), "the guard's start", log)
        port = int(re.findall(r"agents on 127.0.0.1:(\d+)", log.read_text())[0])
        for at in (1, 2):
            asyncio.run(told(nodes[at], port, *(usual(now(), name(at), number) for number in range(3))))
        lies = [secret(now(), name(at), who) for at in (1, 2) for who in ("mallory", "root", "bob")]
        asyncio.run(told(nodes[0], port, *lies, lane="files"))
        assert settled(lambda: "RF.D62" in out.read_text() or whole.rulesets()[0] != "", 15), log.read_text()
        assert not settled(lambda: any(whole.rulesets()[1:]), 1.5)
        cut = [one for line in out.read_text().splitlines() for one in json.loads(line)["cuts"]]
        assert {one["place"] for one in cut if one["verdict"] == "do"} <= {host(0)}
        assert not [one for one in guarded.rows() if one.place != host(0) and one.state != "held"]
        assert "failed" not in log.read_text()
    finally:
        end(process)
    assert "Traceback" not in log.read_text()
