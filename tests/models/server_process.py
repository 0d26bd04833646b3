"""A server that a test starts: ports for it, the wait until its model is ready, and its end whatever happens."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


@contextmanager
def ready(process: subprocess.Popen[bytes], url: str, log: Path) -> Iterator[None]:
    """Within, the server answers at `url`; afterwards it is gone. log : what it writes, shown where it ends too early"""
    try:
        _wait(process, url, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, f"the server ended: {log.read_text(errors='replace')[-2000:]}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.15)
    raise AssertionError(f"the server did not get ready: {log.read_text(errors='replace')[-2000:]}")
