"""A protocol is read as it stands; what is wrong is said at once, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.load import LoadedProtocol, from_resolved, load_protocol
from validate.protocol.starter import starter

GALLERY = Path(__file__).parents[2] / "protocols" / "gallery"
GOOD = starter("classification", "dicom")


def load(tmp_path: Path, text: str | bytes) -> LoadedProtocol:
    path = tmp_path / "p.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_protocol(path, catalog=shipped_catalog())


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ProtocolError) as caught:
        load(tmp_path, text)
    return [problem.removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def with_line(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1, old
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_gallery_protocol_loads_without_a_warning(path: Path) -> None:
    loaded = load_protocol(path, catalog=shipped_catalog())
    assert loaded.warnings == ()
    assert loaded.protocol.id == path.stem


@pytest.mark.parametrize("task", ["classification", "multiclass", "multilabel", "ordinal", "segmentation"])
@pytest.mark.parametrize("source", ["dicom", "table"])
def test_the_starter_loads_as_it_stands(tmp_path: Path, source: str, task: str) -> None:
    loaded = load(tmp_path, starter(task, source))
    assert loaded.protocol.task == task
    assert loaded.warnings == ()


def test_a_resolved_protocol_reads_back_as_the_same(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    assert from_resolved(loaded.resolved) == loaded.protocol


def test_defaults_are_filled_in_what_is_locked(tmp_path: Path) -> None:
    resolved = load(tmp_path, GOOD).resolved
    assert resolved["resampling"] == {
        "replicates": 2000,
        "at_most": None,
        "settle": 3.0,
        "stratify_by": None,
    }
    assert resolved["inference"]["shard_size"] == 256


def test_all_errors_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("seed: 20261122", "seed: many").replace("task: classification", "task: clasification")
    text = text.replace("unit: image", "unit: images").replace("rationale: Agreed", "rational: Agreed")
    found = problems(tmp_path, text)
    assert len(found) == 5
    lines = [int(problem.split(":")[1].split()[0]) for problem in found]
    assert lines == sorted(lines)


SCHEMA_PROBLEMS = [
    ("seed: 20261122", "seed: -1", "seed: got -1, expected"),
    ("seed: 20261122", "seed: 1.5", "seed: got 1.5, expected a whole number"),
    ("seed: 20261122", "sead: 1", "sead: no key 'sead'; keys are"),
    ("version: 1.0.0", "version: 1.0", "version: got the number 1.0, expected text: put it in quotes, '1.0'"),
    ('schema_version: "1"', "schema_version: 1", "schema_version: got 1, expected '1'"),
    ("profile: acceptance ", "profile: acceptence ", "Did you mean 'acceptance'?"),
    ("cluster: patient ", "cluster: patiant ", "cohort.cluster: got 'patiant'"),
    ("task: classification", "task: [classification]", "task: got a list"),
    ("threshold: 0.5", "threshold: half", "models[0].operating_point.threshold: got 'half', expected a number"),
    ("  standard: Consensus of three readers, blinded to the model\n", "", "reference.standard: missing"),
    ("kind: probability}", "kind: probabilities}", "models[0].output.kind: got 'probabilities'"),
    ("at_least: 0.80", "at_least: .nan", "at_least"),
    ("analyses:\n  - calibration: {}", "analyses:", "analyses: got nothing, expected a list"),
    ("models:\n  - id: candidate", "models:\n    id: candidate", "models: got a mapping, expected a list"),
    ("input: image", "input: {aggregate: {to: stdy, score: max}}", "models[0].input.aggregate.to: got 'stdy'"),
    ("threshold: 0.5", "threshold: true", "models[0].operating_point.threshold: got true, expected a number"),
]


@pytest.mark.parametrize(("old", "new", "message"), SCHEMA_PROBLEMS)
def test_a_wrong_value_is_named_with_its_line_and_what_was_expected(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    found = problems(tmp_path, with_line(old, new))
    assert any(message in problem for problem in found), found
    assert all(problem.startswith("p.yaml:") for problem in found)


TEXT_PROBLEMS = [
    ("seed: 1\nseed: 2\n", "p.yaml:2: key 'seed' stands twice, first on line 1"),
    ("a: &x {b: 1}\nc: *x\n", "p.yaml:1: an alias (*name)"),
    ("a: {b: [1, 2}\n", "not YAML"),
    ("- a\n", "got a list, expected a mapping"),
    ("a: 1\n---\nb: 2\n", "got 2 YAML documents, expected one"),
    ("", "expected one"),
    ("a: !!python/object/apply:os.system ['ls']\n", "tag"),
    (b"a: \xff\n", "p.yaml:1: not UTF-8 text"),
    ("a: " + "[" * 60 + "]" * 60, "nested deeper"),
    ("a: 1e999\n", "not a finite number"),
    ("x" * ((1 << 18) + 1), "expected a protocol of at most"),
    ("seed: " + "9" * 5000, "p.yaml:1: a number of 5,000 digits"),
    ('title: "\\ud800"\n', "p.yaml:1: a \\u escape that is half a character"),
    ("a: 1\n\tb: 2\n", "p.yaml:2: not YAML: found character"),
    ("a: " + "[" * 50_000, "maximum recursion depth"),
]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    version: 1.0.0", "    version: 1.0"),
        ("input: image", "input: {aggregate: {to: stdy, score: max}}"),
        ("- dicom: data ", "- dicom: 3 "),
        ("- scale: {to: [0.0, 1.0]}", "- scale"),
    ],
)
def test_what_is_wrong_inside_a_block_is_said_once(tmp_path: Path, old: str, new: str) -> None:
    assert len(problems(tmp_path, with_line(old, new))) == 1


@pytest.mark.parametrize(("block", "words"), [("models", "1"), ("endpoints", "1")])
def test_an_empty_block_that_must_not_be_is_said(tmp_path: Path, block: str, words: str) -> None:
    start = GOOD.index(f"\n{block}:")
    end = GOOD.index("\n\n", start)
    (found,) = problems(tmp_path, f"{GOOD[:start]}\n{block}: []{GOOD[end:]}")
    assert f"{block}: got 0 items, expected at least {words}" in found


@pytest.mark.parametrize(("text", "message"), TEXT_PROBLEMS)
def test_text_that_is_no_plain_yaml_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert any(message in problem for problem in problems(tmp_path, text))


def test_yes_no_and_dates_stay_text(tmp_path: Path) -> None:
    text = with_line("standard: Consensus of three readers, blinded to the model", "standard: yes")
    assert load(tmp_path, text).protocol.reference.standard == "yes"


@pytest.mark.parametrize("block", ["sample_size"])
def test_a_block_that_is_not_built_yet_is_an_error_never_ignored(tmp_path: Path, block: str) -> None:
    (found,) = problems(tmp_path, f"{GOOD}\n{block}: []\n")
    assert f"{block}: this version of validate does not have this block yet" in found


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_mutation_of_a_protocol_ends_in_anything_but_a_protocol_error(tmp_path_factory, data) -> None:  # type: ignore[no-untyped-def]
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        action = data.draw(st.sampled_from(["drop", "twice", "noise", "cut", "indent"]))
        if action == "drop":
            lines[at] = ""
        elif action == "twice":
            lines[at] += "\n" + lines[at]
        elif action == "noise":
            place = data.draw(st.integers(0, len(lines[at])))
            noise = data.draw(st.text(alphabet="{}[]:,-#&*!|>'\"%@`?\\ \tabc019.\n", max_size=4))
            lines[at] = lines[at][:place] + noise + lines[at][place:]
        elif action == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        else:
            lines[at] = " " + lines[at]
    path = tmp_path_factory.mktemp("fuzz") / "p.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        load_protocol(path, catalog=shipped_catalog())
    except ProtocolError as error:
        assert error.problems
