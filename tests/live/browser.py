"""A real headless Chromium, driven over the WebDriver protocol on loopback."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,1000",
]


class Browser:
    """One page of one browser."""

    def __init__(self, base: str) -> None:
        self._base = base
        options = {"goog:chromeOptions": {"binary": shutil.which("chromium"), "args": _FLAGS}}
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._base += f"/session/{answer['sessionId']}"

    def open(self, url):
        """Load a page and wait for it."""
        self._ask("POST", "/url", {"url": url})

    def run(self, script):
        """The value of a script's `return`."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def picture(self, path):
        """Save what is in the window as PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def close(self):
        """End the browser."""
        self._ask("DELETE", "")

    def _ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]


@contextmanager
def browser():
    """A browser that ends with the block. Skips where Chromium is not installed."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("missing-part: chromium (Debian packages chromium, chromium-driver)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}", f"--log-path={folder}/log"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            page = _started(f"http://127.0.0.1:{port}")
            try:
                yield page
            finally:
                page.close()
        finally:
            driver.terminate()
            driver.wait(20)


def _started(base):
    for _ in range(100):
        try:
            with urlopen(f"{base}/status", timeout=2):
                return Browser(base)
        except URLError:
            time.sleep(0.1)
    raise TimeoutError("chromedriver did not start in 10 s")
