"""YAML text → plain data, with the line of every key and value. Nothing is guessed on the way.

Stricter than YAML 1.1: only true/false are booleans (no `yes`, `no`, `on`), dates stay text, a key stands once, and
anchors are refused, so that a protocol reads as it stands and a few bytes can't unfold into gigabytes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from validate.errors import ProtocolError

LARGEST = 1 << 18  # bytes; a protocol has some thousand, and a hostile one of this size is read in 3 seconds
LONGEST_NUMBER = 300  # digits
DEEPEST = 40

Place = tuple[str | int, ...]

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)$")
FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?$")
WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Document:
    """data : dicts, lists, text, numbers, booleans, None    lines : line of each place, from 1; () is the whole."""

    data: dict[str, Any]
    lines: dict[Place, int]
    text: str

    def line(self, place: Place) -> int:
        """Line of a place, or of the nearest place around it that the text has."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_document(path: Path) -> Document:
    """The protocol file as data. Raises ProtocolError with file and line; all duplicate keys at once."""
    text = _text(path)
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProtocolError(f"{path}:{line}: not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ProtocolError(f"{path}: not YAML: {error}") from error
    if len(nodes) != 1:
        raise ProtocolError(f"{path}: got {len(nodes)} YAML documents, expected one")
    reader = _Reader(path, {}, [], set())
    data = reader.value(nodes[0], ())
    if reader.problems:
        raise ProtocolError(reader.problems)
    if not isinstance(data, dict):
        raise ProtocolError(f"{path}:1: got {kind(data)}, expected a mapping that begins with schema_version")
    return Document(data, reader.lines, text)


def kind(value: Any) -> str:
    """What a value is, in words a YAML writer knows."""
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true/false",
        int: "a whole number",
        float: "a number",
    }
    return "nothing" if value is None else names.get(type(value), type(value).__name__)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ProtocolError(f"{path}: no such protocol file") from None
    except OSError as error:
        raise ProtocolError(f"{path}: can't be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise ProtocolError(f"{path}: got {len(content):,} bytes, expected a protocol of at most {LARGEST:,}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProtocolError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from error


@dataclass(slots=True)
class _Reader:
    path: Path
    lines: dict[Place, int]
    problems: list[str]
    seen: set[int]

    def value(self, node: yaml.Node, place: Place) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if len(place) > DEEPEST:
            self.problems.append(f"{self.path}:{line}: nested deeper than {DEEPEST} levels")
            return None
        if id(node) in self.seen:
            self.problems.append(
                f"{self.path}:{line}: an alias (*name); write the value out, so that it reads as it stands"
            )
            return None
        self.seen.add(id(node))
        if node.tag.startswith(("tag:yaml.org,2002:python", "!")):
            self.problems.append(f"{self.path}:{line}: tag {node.tag}; plain values only")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(f"{self.path}:{line}: a key that is not text")
                continue
            key = str(key_node.value)
            if key in mapping:
                first = self.lines[(*place, key)]
                self.problems.append(f"{self.path}:{line}: key '{key}' stands twice, first on line {first}")
                continue
            self.lines[(*place, key)] = line
            mapping[key] = self.value(value_node, (*place, key))
        return mapping

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Any:
        text = str(node.value)
        half = any("\ud800" <= character <= "\udfff" for character in text)
        if half or (len(text) > LONGEST_NUMBER and node.style is None and FLOAT.match(text)):
            what = "a \\u escape that is half a character" if half else f"a number of {len(text):,} digits"
            self.problems.append(f"{self.path}:{line}: {what}")
            return None
        if node.style is not None:  # quoted or a block: text as it stands
            return text
        if text.lower() in WORDS and text in {text.lower(), text.capitalize(), text.upper()}:
            return WORDS[text.lower()]
        if INTEGER.match(text):
            return int(text.replace("_", ""))
        if FLOAT.match(text):
            number = float(text.replace("_", ""))
            if math.isfinite(number):
                return number
            self.problems.append(f"{self.path}:{line}: {text} is not a finite number")
        return text
