"""A headless Chromium that real keys are pressed in, driven over a pipe by its DevTools protocol."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
# Puts the ends of the pipe where the browser expects them, and becomes the browser.
_ON_A_PIPE = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_SECONDS = 60.0
_CODES = {"Enter": 13, "Escape": 27, "ArrowDown": 40}


class Tab:
    """A page of the browser."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._number, self._rest = write, read, 0, b""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol to the page and wait for its answer."""
        return self._ask(method, session=self._session, **parameters)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, address: str) -> None:
        """Go to an address (again) and wait until the first finding is shown."""
        self.ask("Page.navigate", url=address)
        self.wait("document.querySelector('#item-text')?.textContent.startsWith('Loading') === false")

    def wait(self, condition: str) -> None:
        """Wait until an expression holds and the page is not busy."""
        until = time.monotonic() + _SECONDS
        while not self.run(f"!document.body?.hasAttribute('aria-busy') && !!({condition})"):
            assert time.monotonic() < until, condition
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = {"windowsVirtualKeyCode": _CODES.get(key, 0)}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **code)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    def text(self, selector: str) -> str:
        """The text of the first element that a selector finds."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).textContent"))

    def _ask(self, method: str, *, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        os.write(
            self._write, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        )
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._read, 1 << 16)
                assert part, "the browser has ended"
                self._rest += part
            line, self._rest = self._rest.split(b"\0", 1)
            answer: dict[str, Any] = json.loads(line)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Tab]:
    """A browser with a profile of its own; its end of the pipe are the file descriptors 3 and 4."""
    assert BROWSER is not None
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _ON_A_PIPE,
            str(to_read),
            str(to_write),
            BROWSER,
            *_OPTIONS,
            f"--user-data-dir={folder / 'profile'}",
        ],
        pass_fds=(to_read, to_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    try:
        tab = Tab(write, read)
        yield tab
        tab._ask("Browser.close")
        process.wait(timeout=_SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(write)
        os.close(read)
