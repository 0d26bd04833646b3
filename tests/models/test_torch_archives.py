"""Hostile torch archives: nothing in them is run, and each refusal names what was found. No torch model is loaded here."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from validate.errors import ModelError
from validate.models.torch_archive import packed, read_archive
from validate.models.torch_export import checked_export
from validate.models.torchscript import checked_torchscript

Bytes = Callable[..., bytes]


class Evil:
    """Unpickling it would run a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/validate-was-here",)


@pytest.fixture(scope="module")
def export(torch_bytes: Bytes) -> dict[str, bytes]:
    return dict(read_archive(torch_bytes("export"), where="m").records)


@pytest.fixture(scope="module")
def script(torch_bytes: Bytes) -> dict[str, bytes]:
    return dict(read_archive(torch_bytes("torchscript"), where="m").records)


def _edited(records: dict[str, bytes], change: Callable[[Any], None]) -> dict[str, bytes]:
    program = json.loads(records["models/model.json"])
    change(program)
    return {**records, "models/model.json": json.dumps(program).encode()}


def test_a_plain_pickle_and_other_files_are_refused() -> None:
    with pytest.raises(ModelError, match=r"got a pickle\. Pickled modules .* refused.*torch\.export\.save"):
        read_archive(pickle.dumps(Evil()), where="m")
    with pytest.raises(ModelError, match="got no zip archive"):
        read_archive(b"\x08\x07", where="m")


def test_pickled_weights_are_refused() -> None:
    import torch

    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, buffer)
    with pytest.raises(ModelError, match=r"pickled weights or a pickled module \(torch\.save\)"):
        read_archive(buffer.getvalue(), where="m")


def test_a_zip_of_something_else_is_refused() -> None:
    with pytest.raises(ModelError, match="holds no model of torch"):
        read_archive(packed({"readme": b"hello"}), where="m")


def test_damage_is_said(torch_bytes: Bytes) -> None:
    content = torch_bytes("export")
    with pytest.raises(ModelError, match="the archive is damaged"):
        read_archive(content[: len(content) // 2], where="m")


@pytest.mark.parametrize("name", ["archive/../evil", "archive/a/../../b", "archive/", "archive/a\\b"])
def test_false_names_in_the_archive_are_refused(name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(ModelError, match="a record with a false name"):
        read_archive(buffer.getvalue(), where="m")


def test_two_records_of_one_name_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("archive/a", b"x")
        archive.writestr("archive/a", b"y")
    with pytest.raises(ModelError, match="a record with a false name"):
        read_archive(buffer.getvalue(), where="m")


def test_a_zip_bomb_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/a", b"\0" * (64 << 20))
    with pytest.raises(ModelError, match="unpacks to 67108864 bytes"):
        read_archive(buffer.getvalue(), where="m")


def test_an_exported_program_is_written_anew_without_its_pickles(export: dict[str, bytes]) -> None:
    about = checked_export(export, where="m")
    copy = read_archive(about.content, where="m").records
    assert copy["data/sample_inputs/model.pt"] == b""
    assert b"stack_trace" not in copy["models/model.json"]
    assert about.parameters == 2
    assert about.inputs == ({"name": "image", "type": "float32", "shape": [None, 1, None, None]},)
    assert about.outputs == ({"name": "", "type": "float32", "shape": [None, 1]},)


def test_outputs_of_a_dict_have_its_keys(torch_bytes: Bytes) -> None:
    records = read_archive(torch_bytes("export", returns="dict"), where="m").records
    assert [output["name"] for output in checked_export(records, where="m").outputs] == ["logits", "double"]


@pytest.mark.parametrize("folder", ["weights", "constants"])
def test_a_pickled_payload_is_refused(export: dict[str, bytes], folder: str) -> None:
    name = f"data/{folder}/model_{folder}_config.json"
    payload = {"path_name": "weight_0", "is_param": True, "use_pickle": True, "tensor_meta": None}
    records = {**export, name: json.dumps({"config": {"x": payload}}).encode(), f"data/{folder}/weight_0": b"\x80\x04."}
    with pytest.raises(ModelError, match=f"refused: its record data/{folder}/weight_0 is a pickle"):
        checked_export(records, where="m")


@pytest.mark.parametrize("path", ["custom_obj_0", "opaque_obj_0", "../weights/weight_0", "tensor_0/../custom_obj_0"])
def test_custom_and_opaque_objects_are_refused(export: dict[str, bytes], path: str) -> None:
    payload = {"path_name": path, "is_param": False, "use_pickle": False, "tensor_meta": None}
    config = json.dumps({"config": {"x": payload}}).encode()
    records = {**export, "data/constants/model_constants_config.json": config, f"data/constants/{path}": b"\x80\x04."}
    with pytest.raises(ModelError, match="refused: "):
        checked_export(records, where="m")


def test_legacy_pickled_weights_are_left_out_of_the_copy(export: dict[str, bytes]) -> None:
    about = checked_export({**export, "data/weights/model.pt": pickle.dumps(Evil())}, where="m")
    assert "data/weights/model.pt" not in read_archive(about.content, where="m").records


@pytest.mark.parametrize("name", ["data/aotinductor/model/x.so", "data/executorch/x", "data/xl_model_weights/x"])
def test_compiled_code_is_refused(export: dict[str, bytes], name: str) -> None:
    with pytest.raises(ModelError, match="refused: it holds compiled code or foreign data"):
        checked_export({**export, name: b"\x7fELF"}, where="m")


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.load",
        "torch.hub.load",
        "torch.ops.load_library",
        "torch.ops.aten.from_file.default",
        "torch.ops.evil.spy.default",
        "torch.ops.higher_order.cond",
        "_operator.attrgetter",
        "_operator.methodcaller",
        "math.__loader__.load_module",
        "#evil.op",
        "os.system",
        "torch.ops.aten.conv2d.default\nimport os",
    ],
)
def test_a_call_that_is_no_tensor_operator_is_refused(export: dict[str, bytes], target: str) -> None:
    def change(program: Any) -> None:
        program["graph_module"]["graph"]["nodes"][0]["target"] = target

    with pytest.raises(ModelError, match=r"refused: it calls '.*', which is not an operator on tensors"):
        checked_export(_edited(export, change), where="m")


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('id')",
        "Symbol('s0').__class__",
        "().__class__.__bases__",
        "[x for x in (1,)]",
        "(lambda: 1)()",
        "eval('1')",
        "Symbol('__import__')",
        "open",
        "1 if 1 else 2",
        "2*" * 3000 + "2",
        "Symbol(",
    ],
)
def test_a_size_that_is_not_arithmetic_is_refused(export: dict[str, bytes], expression: str) -> None:
    def change(program: Any) -> None:
        sizes = program["graph_module"]["graph"]["tensor_values"]["image"]["sizes"]
        sizes[0]["as_expr"]["expr_str"] = expression

    with pytest.raises(ModelError, match=r"refused: it has a size|can't be read"):
        checked_export(_edited(export, change), where="m")


@pytest.mark.parametrize("name", ["x):\n    import os #", "a b", 'x"', "x\n", "1x", "ä", "x;y"])
def test_a_name_that_could_become_code_is_refused(export: dict[str, bytes], name: str) -> None:
    def change(program: Any) -> None:
        program["graph_module"]["graph"]["inputs"][-1]["as_tensor"]["name"] = name

    with pytest.raises(ModelError, match=r"refused: it uses .* as a name"):
        checked_export(_edited(export, change), where="m")


@pytest.mark.parametrize("kind", ["collections.defaultdict", "collections.namedtuple", "evil.Type"])
def test_a_container_that_would_be_imported_by_name_is_refused(export: dict[str, bytes], kind: str) -> None:
    def change(program: Any) -> None:
        leaf = {"type": kind, "context": json.dumps({"default_factory_module": "os"}), "children_spec": []}
        program["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = json.dumps([1, leaf])

    with pytest.raises(ModelError, match="refused: its inputs or outputs have the type"):
        checked_export(_edited(export, change), where="m")


def test_guards_and_metadata_which_become_code_are_left_out(export: dict[str, bytes]) -> None:
    def change(program: Any) -> None:
        program["guards_code"] = ["__import__('os').system('id')"]
        program["graph_module"]["graph"]["nodes"][0]["metadata"] = {"stack_trace": "\nimport os"}

    copy = read_archive(checked_export(_edited(export, change), where="m").content, where="m").records
    program = json.loads(copy["models/model.json"])
    assert program["guards_code"] == []
    assert all(node["metadata"] == {} for node in program["graph_module"]["graph"]["nodes"])


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"{" * 100_000])
def test_a_program_that_is_none_is_refused_in_a_sentence(export: dict[str, bytes], content: bytes) -> None:
    with pytest.raises(ModelError, match=r"this \.pt2 archive can't be read"):
        checked_export({**export, "models/model.json": content}, where="m")


def test_two_programs_in_one_archive_are_refused(export: dict[str, bytes]) -> None:
    with pytest.raises(ModelError, match="expected one program"):
        checked_export({**export, "models/other.json": b"{}"}, where="m")


def test_torchscript_is_written_anew_without_debugging_pickles(script: dict[str, bytes]) -> None:
    assert any(name.endswith(".debug_pkl") for name in script)
    copy = read_archive(checked_torchscript(script, where="m"), where="m")
    assert copy.kind == "torchscript"
    assert not any("debug" in name for name in copy.records)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("torch.save(x, '/tmp/x')", "uses 'save'"),
        ("x.save('/tmp/x')", "uses 'save'"),
        ("torch.from_file('/etc/passwd', False, 3)", "uses 'from_file'"),
        ("ops.prim.rpc_sync('a', 'b')", "uses 'rpc_sync'"),
        ("ops.evil.spy(x)", "uses the operator evil::spy"),
        ("__torch__.torch.classes.evil.Spy()", "uses 'classes'"),
        ("y = 'from_file'", "uses 'from_file'"),
    ],
)
def test_script_that_reaches_out_is_refused(script: dict[str, bytes], line: str, says: str) -> None:
    code = f"class M(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    {line}\n    return x\n"
    with pytest.raises(ModelError, match=f"refused: its record code/evil.py {says}"):
        checked_torchscript({**script, "code/evil.py": code.encode()}, where="m")


def test_script_that_runs_while_it_is_loaded_is_refused(script: dict[str, bytes]) -> None:
    code = b"class M(Module):\n  def __setstate__(self, x: Tensor) -> NoneType:\n    pass\n"
    with pytest.raises(ModelError, match="uses '__setstate__'"):
        checked_torchscript({**script, "code/evil.py": code}, where="m")


def test_what_is_no_script_is_refused(script: dict[str, bytes]) -> None:
    with pytest.raises(ModelError, match="is not TorchScript source"):
        checked_torchscript({**script, "code/evil.py": b"class ("}, where="m")


def test_a_pickle_that_names_anything_but_tensors_is_refused(script: dict[str, bytes]) -> None:
    with pytest.raises(ModelError, match=r"record data\.pkl names 'posix system', which is no tensor"):
        checked_torchscript({**script, "data.pkl": pickle.dumps(Evil(), protocol=2)}, where="m")
    with pytest.raises(ModelError, match="uses the pickle operation STACK_GLOBAL"):
        checked_torchscript({**script, "constants.pkl": pickle.dumps(Evil(), protocol=4)}, where="m")
    with pytest.raises(ModelError, match="is damaged"):
        checked_torchscript({**script, "data.pkl": b"\x80\x02"}, where="m")
