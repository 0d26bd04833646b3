"""Rules for the whole suite: no network but loopback, a home of its own, and no skip that nobody agreed to."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import hypothesis
import pytest

# Machines here are shared: how long an example takes says nothing about it.
hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")


def _beside(name: str) -> None:
    """A module beside this file: pytest's importlib mode puts none of them on the path."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


_beside("canaries")

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")


def allowed_reasons() -> list[str]:
    lines = ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Site key, caches and ledgers of the tests never touch those of the person who runs them.

    The key is always the same, and so are the pseudonyms that come of it.
    """
    home = tmp_path_factory.mktemp("home")
    key = home / "site.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALIDATE_HOME", str(home))
        yield


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = [
        str(r.longrepr[2]) if isinstance(r.longrepr, tuple) else str(r.longrepr)
        for r in reporter.stats.get("skipped", [])
    ]
    foreign = [reason for reason in skipped if not any(allowed in reason for allowed in allowed_reasons())]
    if foreign:
        reporter.write_line(f"skips that tests/allowed_skips.txt does not allow: {foreign}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
