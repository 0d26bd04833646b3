"""What an ONNX file says about itself, read from its protobuf bytes without building or running anything.

Field numbers are those of onnx.proto (ONNX IR version 3 and later). Only what is needed before a session may be
made is read: operators and their domains, opsets, parameter counts, and names of external data files.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from validate.errors import ModelError

BUILT_IN = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})  # domains that the runtime itself implements
READS_FILES = frozenset({("com.microsoft", "EPContext")})  # loads a compiled program from a path in the model
TRAINED_TYPES = frozenset({1, 2, 3, 10, 11, 16, 17, 18, 19, 20})  # floating and 8-bit quantised; not shapes and indices
DEEPEST = 64

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(slots=True)
class OnnxFile:
    """
    opset : version by domain; "" is the standard one
    operators, functions : (domain, name) used in the graph, and defined in the file itself
    external : names of files that hold weights, as written in the model
    parameters : numbers in trained tensors
    """

    opset: dict[str, int] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)
    functions: set[tuple[str, str]] = field(default_factory=set)
    external: set[str] = field(default_factory=set)
    parameters: int = 0


def read_onnx(content: bytes, *, model_id: str, allowed: Collection[str] = ()) -> OnnxFile:
    """Raises ModelError where the bytes are not an ONNX model or ask for operators that the runtime has not got.

    allowed : custom operators that the protocol names, as "domain:Name"
    """
    found = OnnxFile()
    try:
        _model(memoryview(content), found)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ModelError(
            f"models.{model_id}.path: this is not an ONNX model: {error}. Expected a file written by an ONNX exporter."
        ) from error
    if not found.operators or not found.opset:
        raise ModelError(f"models.{model_id}.path: this is not an ONNX model: no operators in it.")
    custom = sorted(
        f"{domain}:{name}"
        for domain, name in found.operators - found.functions
        if (domain not in BUILT_IN and f"{domain}:{name}" not in allowed) or (domain, name) in READS_FILES
    )
    if custom:
        raise ModelError(
            f"models.{model_id}.path: uses operators that need foreign code, which is refused: {', '.join(custom)}. "
            "Export the model with standard operators (domains ai.onnx, ai.onnx.ml, com.microsoft), or name these and "
            "the library that holds them under custom_operators."
        )
    return found


def external_names(content: bytes) -> frozenset[str]:
    """Files that hold weights, as the model names them; none for what is no model. Nothing else is asked of it."""
    found = OnnxFile()
    try:
        _model(memoryview(content), found)
    except (ValueError, IndexError, UnicodeDecodeError):
        return frozenset()  # it is refused where it is opened
    return frozenset(found.external)


def _model(message: memoryview, found: OnnxFile) -> None:
    for number, value in _fields(message):
        if number == 7:
            _graph(_message(value), found, 0)
        elif number == 8:
            parts = dict(_fields(_message(value)))
            found.opset[_text(parts.get(1, b""))] = _integer(parts.get(2, 0))
        elif number == 25:
            _function(_message(value), found)


def _function(message: memoryview, found: OnnxFile) -> None:
    name = domain = ""
    for number, value in _fields(message):
        if number == 1:
            name = _text(value)
        elif number == 10:
            domain = _text(value)
        elif number == 7:
            _node(_message(value), found, 1)
    found.functions.add((domain, name))


def _graph(message: memoryview, found: OnnxFile, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError("graphs are nested too deeply")
    for number, value in _fields(message):
        if number == 1:
            _node(_message(value), found, depth)
        elif number == 5:
            found.parameters += _tensor(_message(value), found)
        elif number == 15:
            _sparse_tensor(_message(value), found)


def _node(message: memoryview, found: OnnxFile, depth: int) -> None:
    operator = domain = ""
    for number, value in _fields(message):
        if number == 4:
            operator = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5:
            _attribute(_message(value), found, depth)
    found.operators.add((domain, operator))


def _attribute(message: memoryview, found: OnnxFile, depth: int) -> None:
    for number, value in _fields(message):
        if number in {5, 10}:
            _tensor(_message(value), found)
        elif number in {6, 11}:
            _graph(_message(value), found, depth + 1)
        elif number in {22, 23}:
            _sparse_tensor(_message(value), found)


def _sparse_tensor(message: memoryview, found: OnnxFile) -> None:
    for number, value in _fields(message):
        if number == 1:
            found.parameters += _tensor(_message(value), found)
        elif number == 2:
            _tensor(_message(value), found)


def _tensor(message: memoryview, found: OnnxFile) -> int:
    """Count of numbers in it, 0 for what is not trained."""
    shape: list[int] = []
    data_type = 0
    for number, value in _fields(message):
        if number == 1:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == 2:
            data_type = _integer(value)
        elif number == 13:
            entry = dict(_fields(_message(value)))
            if _text(entry.get(1, b"")) == "location":
                found.external.add(_text(entry.get(2, b"")))
    return math.prod(shape) if data_type in TRAINED_TYPES else 0


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        length, position = _length(message, position, kind)
        if position + length > len(message):
            raise ValueError("it ends in the middle of a field")
        yield key >> 3, message[position : position + length]
        position += length


def _length(message: memoryview, position: int, kind: int) -> tuple[int, int]:
    if kind == _BYTES:
        return _varint(message, position)
    if kind in {_FIXED32, _FIXED64}:
        return (4 if kind == _FIXED32 else 8), position
    raise ValueError("it holds no protobuf message")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = message[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
        if shift > 63:
            raise ValueError("it holds no protobuf message")


def _packed(values: memoryview) -> list[int]:
    result, position = [], 0
    while position < len(values):
        value, position = _varint(values, position)
        result.append(value)
    return result


def _message(value: object) -> memoryview:
    if isinstance(value, memoryview):
        return value
    raise ValueError("it holds no protobuf message")


def _integer(value: object) -> int:
    if isinstance(value, int):
        return value
    raise ValueError("it holds no protobuf message")


def _text(value: object) -> str:
    if isinstance(value, memoryview | bytes):
        return bytes(value).decode()
    raise ValueError("it holds no protobuf message")
