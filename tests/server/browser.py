"""Chromium without a window, driven as a person does it: by keys, clicks and files that are dropped."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
"""the browser of this machine, None where there is none"""

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-port=0", "about:blank",
)  # fmt: skip

HEARD = """
window.heard = [];
window.sounds = null;
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at) {
  window.sounds = this.context;
  const rate = this.context.sampleRate;
  window.heard.push({at: Math.round(at * rate), rate, samples: Array.from(this.buffer.getChannelData(0))});
  return start.call(this, at);
};
"""
"""Put before the scripts of a page: notes what it plays, when, and with what."""


PLAIN: dict[str, Any] = {"max_size": None, "compression": None, "ping_interval": None}

CENTRE = "(r => [r.x + r.width / 2, r.y + r.height / 2])"


class Tab:
    """A tab of a browser, which is spoken to by its protocol for developers."""

    def __init__(self, socket: ClientConnection) -> None:
        self.events: list[dict[str, Any]] = []
        self._socket, self._numbers = socket, itertools.count(1)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv())).get("id") != number:
            self.events.append(message)
        assert "error" not in message, (method, message)
        return dict(message["result"])

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait until an expression is true in the page; its value."""
        while not (value := self.run(script)):
            time.sleep(0.02)
        return value

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")

    def text(self, selector: str) -> str:
        """The visible text of an element."""
        return str(self.on(selector, "e.innerText"))

    def on(self, selector: str, script: str) -> Any:
        """The value of an expression of `e`, an element of the page."""
        return self.run(f"(e => {script})(document.querySelector({json.dumps(selector)}))")

    def click(self, selector: str) -> None:
        self.on(selector, "e.scrollIntoView({block: 'center'})")
        x, y = self.on(selector, f"{CENTRE}(e.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key, such as Tab, which has this number on Windows."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text
            )

    def drop(self, selector: str, *paths: Path) -> None:
        """Drop files on an element."""
        self.on(selector, "e.scrollIntoView({block: 'center'})")
        x, y = self.on(selector, f"{CENTRE}(e.getBoundingClientRect())")
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list, as soon as it is there."""
        self.until(f"document.querySelector({json.dumps(f'{selector} > [value={value!r}]')}) !== null")
        self.on(selector, f"e.value = {json.dumps(value)}")
        self.on(selector, "e.dispatchEvent(new Event('change', {bubbles: true}))")

    def show(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Show it at a width in pixels, in the colours of day or night."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """Save what it looks like."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def nodes(self) -> list[dict[str, str]]:
        """What a screen reader finds: the role and the name of each element."""
        return [
            {key: node.get(key, {}).get("value", "") for key in ("role", "name")}
            for node in self.call("Accessibility.getFullAXTree")["nodes"]
            if not node["ignored"]
        ]

    def mistakes(self) -> list[str]:
        """What failed in scripts, or was not allowed to be loaded; requests that were refused are none."""
        found = []
        for event in self.events:
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["source"] != "network":
                found.append(str(event["params"]["entry"]["text"]))
        return found

    def origins(self) -> set[str]:
        """Where something was asked for."""
        urls = [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return {urlsplit(url).netloc for url in urls if not url.startswith(("blob:", "data:"))}


@contextmanager
def browsing(folder: Path) -> Iterator[Tab]:
    """A tab of a browser of its own, whose profile and downloads are in `folder`."""
    profile = folder / "profile"
    assert CHROMIUM is not None
    env = {**os.environ, "HOME": str(folder)}
    process = subprocess.Popen(
        [CHROMIUM, f"--user-data-dir={profile}", *OPTIONS],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
        start_new_session=True,
    )
    try:
        told = profile / "DevToolsActivePort"
        while not (told.exists() and len(lines := told.read_text().splitlines()) == 2):
            assert process.poll() is None, "the browser has ended"
            time.sleep(0.02)
        with connect(f"ws://127.0.0.1:{lines[0]}{lines[1]}", **PLAIN) as socket:
            target = Tab(socket).call("Target.createTarget", url="about:blank")["targetId"]
        address = f"ws://127.0.0.1:{lines[0]}/devtools/page/{target}"
        with connect(address, **PLAIN) as socket:
            tab = Tab(socket)
            for domain in ("Page", "Runtime", "Log", "Network"):
                tab.call(f"{domain}.enable")
            tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
            tab.call("Page.addScriptToEvaluateOnNewDocument", source=HEARD)
            yield tab
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
