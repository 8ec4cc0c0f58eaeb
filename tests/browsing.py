"""What tests of the page share: a browser, and programs that serve a home."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
)

@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def started() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Hold the programs that were started, by address, and end them after the tests."""
    programs: dict[str, subprocess.Popen[bytes]] = {}
    yield programs
    for program in programs.values():
        program.terminate()
        program.wait(30)


@pytest.fixture(scope="module")
def serve(started: dict[str, subprocess.Popen[bytes]]) -> Callable[..., str]:
    """Start `app.py` with a home on a free port; return its address once it answers."""

    def start(home: Path, *options: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "app.py", "--home", str(home), "--port", str(port), *options]
        program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started[address] = program
        for _ in range(600):
            assert program.poll() is None, "app.py ended"
            try:
                urlopen(address, timeout=5).close()
                return address
            except OSError:
                time.sleep(0.1)
        raise AssertionError("app.py does not answer")

    return start
