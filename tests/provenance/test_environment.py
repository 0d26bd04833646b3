"""The environment says what ran, and nothing about who or where."""

from __future__ import annotations

import getpass
import json
import os
import platform
from pathlib import Path

from validate.provenance.environment import environment_document
from validate.provenance.source import source_digest


def test_machine_system_and_versions_are_named() -> None:
    document = environment_document()
    assert document["python"]["version"] == platform.python_version()
    assert document["machine"]["cores"] == os.cpu_count()
    assert document["machine"]["memory_bytes"] > 1 << 28
    assert "numpy" in document["packages"]
    assert len(document["validate"]["source_sha256"]) == 64


def test_no_host_user_or_path_is_named() -> None:
    text = json.dumps(environment_document())
    assert platform.node() not in text or len(platform.node()) < 3
    assert str(Path.home()) not in text
    assert f'"{getpass.getuser()}"' not in text


def test_the_source_digest_is_of_the_sources() -> None:
    assert source_digest() == source_digest()
    assert int(source_digest(), 16) > 0
