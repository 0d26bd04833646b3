"""A TorchScript archive, checked and written anew without torch.

TorchScript is interpreted by torch itself and has no way into Python, but its language can write files (torch.save),
map them (from_file), call other machines (rpc) and run a method while it is being loaded (__setstate__). Its pickles
are read by torch's own reader, which knows tensors and script classes only. So: no such names, no foreign operators,
no custom classes, and debugging pickles are left out.
"""

from __future__ import annotations

import ast
import pickletools
import re
from collections.abc import Iterator, Mapping

from validate.errors import ModelError
from validate.models.torch_archive import packed

DENIED = frozenset(
    {
        *("save", "load", "from_file", "load_tensor", "_load_for_lite_interpreter"),
        *("rpc_async", "rpc_remote", "rpc_sync", "PythonOp", "IgnoredPythonOp", "CallFunction"),
        *("__setstate__", "__getstate__", "classes"),
    }
)
# The same names as plain text, should torch's reader ever see code where Python's sees a string or a comment.
DENIED_TEXT = re.compile(rb"\b(?:from_file|load_tensor|rpc_\w+|PythonOp|__setstate__)\b|\bsave\s*\(")
OPERATOR_SPACES = frozenset({"prim", "aten"})
GLOBALS = re.compile(
    r"__torch__(\.\w+)* \w+|torch\._utils _rebuild_(tensor_v2|parameter)|collections OrderedDict|torch \w+Storage"
    r"|torch\.jit\._pickle (build_(int|double|bool|tensor)list|restore_type_tag)"
)
KEPT = re.compile(r"data\.pkl|data/\d+|constants\.pkl|constants/\d+|code/.+\.py|version|byteorder|\.data/version")


def checked_torchscript(records: Mapping[str, bytes], *, where: str) -> bytes:
    """The archive, written anew. Raises ModelError naming the first thing in it that is refused."""
    kept = {name: content for name, content in records.items() if KEPT.fullmatch(name)}
    for name, content in kept.items():
        problems: Iterator[str] = iter(())
        if name.endswith(".pkl"):
            problems = _pickle_problems(content)
        elif name.endswith(".py"):
            problems = _code_problems(content)
        problem = next(problems, None)
        if problem is not None:
            raise ModelError(f"{where}: refused: its record {name} {problem}.")
    return packed(kept)


def _pickle_problems(content: bytes) -> Iterator[str]:
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name == "GLOBAL" and not GLOBALS.fullmatch(str(argument)):
                yield f"names {str(argument)[:60]!r}, which is no tensor and no script class"
            if operation.name == "GLOBAL" and str(argument).startswith("__torch__.torch.classes"):
                yield "holds a custom class"
            if operation.name in {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"}:
                yield f"uses the pickle operation {operation.name}, which TorchScript never writes"
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        yield f"is damaged ({error})"


def _code_problems(content: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(content.decode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield "is not TorchScript source"
        return
    if found := DENIED_TEXT.search(content):
        yield f"uses '{found[0].decode().rstrip('( ')}', which can reach outside the model"
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", None)
        if name in DENIED:
            yield f"uses '{name}', which can reach outside the model"
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and isinstance(node.value.value, ast.Name)
            and node.value.value.id == "ops"
            and node.value.attr not in OPERATOR_SPACES
        ):
            yield f"uses the operator {node.value.attr}::{node.attr}, which is not torch's own arithmetic"
