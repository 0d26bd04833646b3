"""A torch.export program (.pt2), checked and written anew without torch, so that loading it runs nothing of its own.

torch.export.load unpickles by archive content (weights, constants, sample inputs), evaluates symbolic shapes as
Python, resolves any attribute of torch as an operator and turns names into source code. So: plain tensors only,
operators from a list, names that are names, expressions from a grammar, and everything else is left out.
Checked against torch 2.13, torch/export/pt2_archive/_package.py and torch/_export/serde/serialize.py.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from validate.errors import ModelError
from validate.models.torch_archive import packed

MODEL = "models/model.json"
CONFIGS = {"data/weights/": "weight_", "data/constants/": "tensor_"}
FOREIGN = ("data/aotinductor/", "data/executorch/", "data/xl_model_weights/", "data/mtia")  # compiled code and the like

OPERATORS = re.compile(
    r"torch\.ops\.aten\.(?P<name>\w+)\.\w+|_operator\.(?:getitem|add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs"
    r"|eq|ne|lt|le|gt|ge|and_|or_|not_)|math\.(?:ceil|floor|trunc|sqrt)|torch\._?sym_\w+"
    r"|torch\.ops\.higher_order\.wrap_with_(?:set_grad_enabled|autocast)"
)
READS_FILES = {"from_file"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*|")
TEXT = re.compile(r"[\w .,:+>()\[\]-]{0,200}")
SYMBOL = re.compile(r"[a-z]+\d+")
FUNCTIONS = frozenset(
    {
        *(
            "Symbol",
            "Integer",
            "Float",
            "Rational",
            "Add",
            "Mul",
            "Pow",
            "Mod",
            "Max",
            "Min",
            "Abs",
            "floor",
            "ceiling",
        ),
        *("Eq", "Ne", "Le", "Lt", "Ge", "Gt", "Equality", "Unequality", "LessThan", "StrictLessThan", "GreaterThan"),
        *("StrictGreaterThan", "And", "Or", "Not", "FloorDiv", "ModularIndexing", "Where", "PythonMod", "CleanDiv"),
        *("CeilToInt", "FloorToInt", "CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv"),
        *("IntTrueDiv", "TruncToFloat", "TruncToInt", "RoundToInt", "RoundDecimal", "ToFloat", "Identity"),
        "IsNonOverlappingAndDenseIndicator",
    }
)
EXPRESSION = (
    *(ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare),
    *(ast.operator, ast.unaryop, ast.cmpop),
)
CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict"}
TEXTS = {"as_string", "torch_version"}  # the only free text; it is never read as code
DROPPED: dict[str, Any] = {"metadata": {}, "guards_code": [], "torch_fn": {}}


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """
    content : the archive, written anew
    inputs, outputs : name, type and shape; a free dimension is None; an unnamed single output is called ""
    """

    content: bytes = field(repr=False)
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    parameters: int
    schema: str


def checked_export(records: Mapping[str, bytes], *, where: str) -> ExportedModel:
    """Raises ModelError naming the first thing in the archive that could run code or that we don't know."""
    try:
        return _checked(records)
    except _Refused as problem:
        raise ModelError(f"{where}: refused: {problem}.") from problem
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, SyntaxError) as error:
        raise ModelError(f"{where}: this .pt2 archive can't be read: {type(error).__name__}: {error}.") from error


class _Refused(Exception):
    pass


def _checked(records: Mapping[str, bytes]) -> ExportedModel:
    foreign = sorted(name for name in records if name.startswith(FOREIGN))
    programs = sorted(name for name in records if name.startswith("models/"))
    if foreign:
        raise _Refused(f"it holds compiled code or foreign data, {foreign[0]}")
    if programs != [MODEL]:
        raise _Refused(f"expected one program, {MODEL}; it has {', '.join(programs) or 'none'}")
    program = _clean(json.loads(records[MODEL]))
    if program["graph_module"]["treespec_namedtuple_fields"] or program["graph_module"]["graph"]["custom_obj_values"]:
        raise _Refused("it uses custom classes")
    kept = {
        "archive_format": b"pt2",
        "archive_version": records["archive_version"],
        ".data/version": records.get(".data/version", b"6\n"),
        "byteorder": records["byteorder"],
        MODEL: json.dumps(program).encode(),
        "data/sample_inputs/model.pt": b"",  # a pickle, and not needed
    }
    parameters = 0
    for folder, prefix in CONFIGS.items():
        config = f"{folder}model_{folder.split('/')[1]}_config.json"
        payloads = _clean(json.loads(records[config]))["config"]
        kept[config] = json.dumps({"config": payloads}).encode()
        for payload in payloads.values():
            kept[f"{folder}{payload['path_name']}"] = _tensor(records, folder, prefix, payload)
            parameters += _count(payload) if payload["is_param"] else 0
    inputs, outputs = _signature(program["graph_module"])
    schema = f"torch.export schema {program['schema_version']['major']}.{program['schema_version']['minor']}"
    return ExportedModel(packed(kept), inputs, outputs, parameters, schema)


def _tensor(records: Mapping[str, bytes], folder: str, prefix: str, payload: Mapping[str, Any]) -> bytes:
    name = str(payload["path_name"])
    if payload["use_pickle"]:
        raise _Refused(f"its record {folder}{name} is a pickle")
    if not re.fullmatch(rf"{prefix}\d+", name):
        raise _Refused(f"its record {folder}{name} is a custom or opaque object")
    return records[f"{folder}{name}"]


def _count(payload: Mapping[str, Any]) -> int:
    return math.prod(size["as_int"] for size in payload["tensor_meta"]["sizes"])


def _clean(value: Any, key: str = "") -> Any:
    """The same document with what we don't need left out. Raises _Refused on what could become code."""
    if key in DROPPED:
        return DROPPED[key]
    if isinstance(value, dict):
        return {_name(name): _clean(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [_clean(entry, key) for entry in value]
    if isinstance(value, str):
        _check_text(value, key)
    return value


def _check_text(text: str, key: str) -> None:
    if key in {"target", "as_operator"}:
        match = OPERATORS.fullmatch(text)
        if match is None or match["name"] in READS_FILES:
            raise _Refused(f"it calls {text[:80]!r}, which is not an operator on tensors")
    elif key == "expr_str":
        _check_expression(text)
    elif key in {"in_spec", "out_spec"}:
        _check_structure(json.loads(text)[1])
    elif key in TEXTS:
        if not TEXT.fullmatch(text):
            raise _Refused(f"it holds the text {text[:40]!r}")
    else:
        _name(text)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise _Refused(f"it uses {text[:40]!r} as a name")
    return text


def _check_expression(text: str) -> None:
    for node in ast.walk(ast.parse(text, mode="eval")):
        sound = isinstance(node, EXPRESSION)
        if isinstance(node, ast.Call):
            sound = isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
        elif isinstance(node, ast.Name):
            sound = node.id in FUNCTIONS or SYMBOL.fullmatch(node.id) is not None
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            sound = SYMBOL.fullmatch(node.value) is not None
        if not sound or len(text) > 4096:
            raise _Refused(f"it has a size that is not arithmetic, {text[:60]!r}")


def _check_structure(spec: Mapping[str, Any]) -> None:
    """A nest of tuples, lists and dicts; other types would be imported by name."""
    keys = [] if spec["context"] is None else json.loads(spec["context"])
    named = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if spec["type"] not in CONTAINERS or not (keys is None or named):
        raise _Refused(f"its inputs or outputs have the type {str(spec['type'])[:60]!r}")
    for child in spec["children_spec"]:
        _check_structure(child)


def _signature(module: Mapping[str, Any]) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    values, signature = module["graph"]["tensor_values"], module["signature"]
    inputs = [_value(spec["user_input"], values) for spec in signature["input_specs"] if "user_input" in spec]
    outputs = [_value(spec["user_output"], values) for spec in signature["output_specs"] if "user_output" in spec]
    entry = next(entry for entry in module["module_call_graph"] if entry["fqn"] == "")
    names = list(_output_names(json.loads(entry["signature"]["out_spec"])[1]))
    return tuple(inputs), tuple({**value, "name": name} for name, value in zip(names, outputs, strict=True))


def _value(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    name = spec["arg"]["as_tensor"]["name"]
    sizes = [size.get("as_int") for size in values[name]["sizes"]]
    return {"name": name, "type": ELEMENTS.get(values[name]["dtype"], "another type"), "shape": sizes}


def _output_names(spec: Mapping[str, Any]) -> Iterator[str]:
    """An empty name for one bare tensor, keys of a dict, positions of a tuple or list; deeper nests are refused."""
    if spec["type"] is None:
        yield ""
        return
    if any(child["type"] is not None for child in spec["children_spec"]):
        raise _Refused("its outputs are nested; return one tensor, or a flat tuple or dict of tensors")
    if spec["type"] == "builtins.dict":
        yield from json.loads(spec["context"])
    else:
        yield from (str(position) for position in range(len(spec["children_spec"])))


# torch/_export/serde/schema.py, ScalarType
ELEMENTS = {5: "int64", 6: "float16", 7: "float32", 8: "float64", 13: "bfloat16"}
