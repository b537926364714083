"""Debian's chromium without a window, driven through its own pipe: for tests and benchmarks."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
"""None where there is none, and tests of pages in a browser are left out."""

_PATIENCE_SECONDS = 60.0
_READ = 1 << 16


class Browser:
    """One page of a browser, and all that it asked for or complained of.

    Args:
        process: The browser.
        reading: File descriptor that its answers come from.
        writing: File descriptor that takes commands.
    """

    def __init__(self, process: subprocess.Popen[bytes], reading: int, writing: int) -> None:
        self._process, self._reading, self._writing = process, reading, writing
        self._number, self._bytes = 0, b""
        self._session: str | None = None
        self.requests: list[str] = []
        """Addresses of all that was asked for, the page itself included."""
        self.complaints: list[str] = []
        """What the console and the security policy said, and exceptions."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> Any:
        """Send a command of the DevTools protocol and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, page: Path, fragment: str = "", *, width: int = 1280, height: int = 900) -> None:
        """Open a file from disk and wait until it is loaded."""
        self.resize(width, height)
        self.call("Page.navigate", url=f"{page.absolute().as_uri()}{fragment}")
        self.until("document.readyState === 'complete' && location.protocol === 'file:'")

    def resize(self, width: int, height: int) -> None:
        """Make the window another size, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def dark(self, *, on: bool) -> None:
        """Ask for dark pages, or light ones."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def evaluate(self, expression: str) -> Any:
        """Value of an expression, awaited."""
        done = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in done:
            raise RuntimeError(json.dumps(done["exceptionDetails"])[:2000])
        return done["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def press(self, key: str, code: int) -> None:
        """Press a key and let it go."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the button at one place and let it go at another."""
        left = {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], **left)
        self.call(
            "Input.dispatchMouseEvent",
            type="mouseMoved",
            x=end[0],
            y=end[1],
            button="left",
            buttons=1,
        )
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], **left)

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Save what is to be seen, the whole page or the window."""
        shot = self.call(
            "Page.captureScreenshot",
            captureBeyondViewport=whole,
            format="png",
            **({"clip": self._all()} if whole else {}),
        )
        file.write_bytes(base64.b64decode(shot["data"]))

    def _all(self) -> dict[str, float]:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._bytes:
            ready, _, _ = select.select([self._reading], [], [], _PATIENCE_SECONDS)
            more = os.read(self._reading, _READ) if ready else b""
            if not more:
                raise TimeoutError(
                    f"the browser does not answer (exit code {self._process.poll()})"
                )
            self._bytes += more
        first, _, self._bytes = self._bytes.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, method: str | None, given: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(given["request"]["url"])
            case "Runtime.exceptionThrown":
                details = given["exceptionDetails"]
                self.complaints.append(
                    details.get("exception", {}).get("description", str(details))
                )
            case "Runtime.consoleAPICalled" if given["type"] in {"error", "warning", "assert"}:
                self.complaints.append(str(given["args"]))
            case "Log.entryAdded":
                self.complaints.append(given["entry"]["text"])
            case "Audits.issueAdded" if "contentSecurityPolicy" in json.dumps(given):
                self.complaints.append(json.dumps(given["issue"])[:500])


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser of its own, ended with the context.

    Args:
        profile: Directory for what it keeps.
    """
    assert PROGRAM is not None
    its_in, writing = os.pipe()
    reading, its_out = os.pipe()
    command = [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
    command += ["--disable-dev-shm-usage", f"--user-data-dir={profile}", "--remote-debugging-pipe"]
    # it reads commands from descriptor 3 and answers on 4
    shell = f'exec "$@" 3<&{its_in} 4>&{its_out}'
    process = subprocess.Popen(
        ["bash", "-c", shell, "browser", *command],
        pass_fds=(its_in, its_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(its_in)
    os.close(its_out)
    try:
        yield Browser(process, reading, writing)
    finally:
        os.close(writing)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(reading)
