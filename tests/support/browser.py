"""A headless Chromium that is driven over its debugging pipe: it needs no package, and no port."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.parts import until

_KEYS = {
    "Tab": 9,
    "Enter": 13,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Backspace": 8,
}
_TEXTS = {"Enter": "\r"}
_SHIFT = 8


class Browser:
    """One process of Chromium, and the pipe to it."""

    def __init__(self, chromium: str, folder: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()
        command = [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
            *(f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe", "about:blank"),
        ]
        redirected = f'exec "$0" "$@" 3<&{ours[0]} 4>&{theirs[1]}'
        self.process = subprocess.Popen(
            ["bash", "-c", redirected, *command],
            pass_fds=(ours[0], theirs[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._write, self._read = ours[1], theirs[0]
        self._ids = itertools.count(1)
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def command(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result; events on the way are kept."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            received = self._receive()
            if received.get("id") == number:
                assert "error" not in received, received
                return received["result"]
            self.events.append(received)

    def _receive(self, seconds: float = 60.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while b"\0" not in self._rest:
            assert select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))[0], "Chromium is silent"
            piece = os.read(self._read, 1 << 20)
            assert piece, "Chromium ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        """End it, with the processes of its group."""
        with suppress(OSError, AssertionError):
            self.command("Browser.close")
        os.close(self._write)
        os.close(self._read)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Tab:
    """One page, with all that it asked for and complained of."""

    def __init__(self, browser: Browser, width: int = 1200, *, dark: bool = False, height: int = 900) -> None:
        self._browser = browser
        self._target = browser.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.command("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._do(f"{domain}.enable")
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])

    def close(self) -> None:
        self._browser.command("Target.closeTarget", targetId=self._target)
        self._browser.events.clear()

    def _do(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.command(method, self._session, **params)

    def _events(self, method: str) -> list[dict[str, Any]]:
        self.evaluate("0")  # what happened before has arrived by then
        ours = (event for event in self._browser.events if event.get("sessionId") == self._session)
        return [event["params"] for event in ours if event.get("method") == method]

    def go(self, address: str) -> Tab:
        self._do("Page.navigate", url=address)
        until(lambda: self.evaluate("location.href !== 'about:blank' && document.readyState === 'complete'"))
        return self

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript; a promise is awaited."""
        answer = self._do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    def fill(self, selector: str, value: str) -> None:
        """Put *value* into a field as a person does who replaces its text, or chooses by its value."""
        if self.evaluate(f"(window.at = document.querySelector({json.dumps(selector)})).tagName") == "SELECT":
            change = "new Event('change', {bubbles: true})"
            self.evaluate(f"at.value = {json.dumps(value)}; at.dispatchEvent({change})")
            return
        self.evaluate("at.focus(); at.select()")
        self.press("Backspace")
        if value:
            self.type(value)

    def type(self, text: str) -> None:
        self._do("Input.insertText", text=text)

    def press(self, key: str, *, shift: bool = False) -> None:
        event = {
            "key": key,
            "code": key,
            "windowsVirtualKeyCode": _KEYS[key],
            "modifiers": _SHIFT if shift else 0,
            **({"text": _TEXTS[key]} if key in _TEXTS else {}),
        }
        self._do("Input.dispatchKeyEvent", type="keyDown", **event)
        self._do("Input.dispatchKeyEvent", type="keyUp", **event)

    def click(self, selector: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def until(self, condition: str) -> None:
        until(lambda: self.evaluate(condition))

    def offline(self, *, offline: bool = True) -> None:
        self._do(
            "Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )

    def requests(self) -> list[tuple[str, str]]:
        """Method and address of all that the page asked for, itself included; data: is no request."""
        sent = [event["request"] for event in self._events("Network.requestWillBeSent")]
        return [(each["method"], each["url"]) for each in sent if not each["url"].startswith("data:")]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, violations of the page's policy among them, and uncaught exceptions."""
        entries = [event["entry"] for event in self._events("Log.entryAdded")]
        logged = [entry["text"] for entry in entries if entry["level"] in {"error", "warning"}]
        thrown = [str(event["exceptionDetails"]) for event in self._events("Runtime.exceptionThrown")]
        said = self._events("Runtime.consoleAPICalled")
        return logged + thrown + [str(event["args"]) for event in said if event["type"] in {"error", "warning"}]

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        shot = self._do("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def opened(chromium: str, folder: Path) -> Iterator[Browser]:
    browser = Browser(chromium, folder)
    try:
        yield browser
    finally:
        browser.close()
