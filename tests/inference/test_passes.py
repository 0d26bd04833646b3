"""Passes: decoded once, disturbed in native units, seeded by case; nothing depends on workers or on what else runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.imaging.dicom import read_image
from validate.inference.local import LocalEngine
from validate.inference.store import read_inference
from validate.inference.view import transform_of
from validate.models.pixel_model import PixelModel
from validate.protocol.passes import CLEAN, Pass

Make = Callable[..., Any]
ENGINE = LocalEngine(kind="thread")


def noise(name: str, sigma: float, **more: Any) -> Pass:
    return Pass(name, volume_transform={"name": "gaussian_noise", "options": {"sigma": sigma}, "seed": 7, **more})


def _scores(out: Path) -> dict[tuple[str, str, str], float]:
    return {(row["model"], row["pass"], row["unit"]): row["score"] for row in read_inference(out).to_pylist()}


def test_a_case_is_decoded_once_for_all_passes_and_models(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = study(tmp_path / "dicom", 9)
    read: list[Path] = []
    monkeypatch.setattr("validate.imaging.image.read_image", lambda path: read.append(path) or read_image(path))
    passes = (CLEAN, noise("a", 50.0), noise("b", 100.0))
    ENGINE.run(plan(tmp_path, cases, [{}, {"id": "other"}], passes=passes), out=tmp_path / "out", resume=False)
    assert read_inference(tmp_path / "out").num_rows == 9 * 3 * 2
    assert len(read) == 9 + 1  # and one for the first look


def test_a_model_answers_once_for_each_case_and_pass_so_the_clean_answers_are_shared(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases, answered, real = study(tmp_path / "dicom", 9), [0], PixelModel.begin

    def counted(model: PixelModel, batch: Any) -> Any:
        answered[0] += len(batch.cases)
        return real(model, batch)

    monkeypatch.setattr(PixelModel, "begin", counted)
    severities = tuple(noise(f"n{number}", 30.0 * number, stream="n") for number in range(1, 6))
    ENGINE.run(plan(tmp_path, cases, passes=(CLEAN, *severities)), out=tmp_path / "out", resume=False)
    assert answered[0] - 9 * 6 in {0, 1}  # and perhaps one for the first look
    clean = [row for row in read_inference(tmp_path / "out").to_pylist() if row["pass"] == CLEAN.id]
    assert len(clean) == len({row["unit"] for row in clean}) == 9


def test_noise_is_added_in_native_units_before_preprocessing(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 6)
    ENGINE.run(plan(tmp_path, cases, passes=(CLEAN, noise("n", 200.0))), out=tmp_path / "out", resume=False)
    scores = _scores(tmp_path / "out")
    for case in cases:
        generator = transform_of(noise("n", 200.0).volume_transform, "n").generator(case.digest, 0)  # type: ignore[union-attr]
        image = read_image(case.files[0])
        pixels = image.voxels + 200.0 * generator.standard_normal((1, 8, 8), dtype=np.float32)
        pixels = pixels.clip(*image.source["range"])  # no file holds more
        grey = np.clip((pixels - 499.5) / 1000 + 0.5, 0, 1).mean()
        assert scores["m", "n", case.unit] == pytest.approx(1 / (1 + np.exp(-(4 * grey - 1.5))), abs=1e-6)
        assert scores["m", "n", case.unit] != scores["m", "clean", case.unit]


@pytest.mark.parametrize(("kind", "workers"), [("thread", 1), ("process", 3)])
def test_noise_depends_on_seed_stream_and_case_alone(
    plan: Make, study: Make, tmp_path: Path, kind: Any, workers: int
) -> None:
    cases = study(tmp_path / "dicom", 10)
    passes = (CLEAN, noise("a", 90.0), noise("b", 90.0), noise("c", 90.0, stream="a"))
    ENGINE.run(plan(tmp_path, cases, passes=passes), out=tmp_path / "whole", resume=False)
    LocalEngine(kind=kind).run(
        plan(tmp_path, cases[3:7], passes=(CLEAN, noise("a", 90.0)), workers=workers),
        out=tmp_path / "part",
        resume=False,
    )
    whole, part = _scores(tmp_path / "whole"), _scores(tmp_path / "part")
    assert part.items() <= whole.items()
    for case in cases:
        assert whole["m", "a", case.unit] != whole["m", "b", case.unit]
        assert whole["m", "a", case.unit] == whole["m", "c", case.unit]


def test_another_site_with_the_same_files_draws_the_same_noise_and_the_same_sample(
    plan: Make, study: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 12)
    elsewhere = tuple(replace(case, unit=f"x{99 - place:04d}") for place, case in enumerate(cases))
    passes = (CLEAN, noise("a", 90.0), Pass("few", sample=4))
    ENGINE.run(plan(tmp_path, cases, passes=passes), out=tmp_path / "here", resume=False)
    ENGINE.run(plan(tmp_path, elsewhere, passes=passes), out=tmp_path / "there", resume=False)
    named = {case.unit: other.unit for case, other in zip(cases, elsewhere, strict=True)}
    here = {(model, name, named[unit]): score for (model, name, unit), score in _scores(tmp_path / "here").items()}
    assert here == _scores(tmp_path / "there")


def test_a_rewritten_file_is_decoded_anew_and_says_the_same(plan: Make, study: Make, tmp_path: Path) -> None:
    rewritten = Pass("rewritten", file_transform={"name": "transfer_syntax", "options": {"to": "explicit"}})
    cases = study(tmp_path / "dicom", 7, broken=(2,))
    ENGINE.run(plan(tmp_path, cases, passes=(CLEAN, rewritten)), out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [row["score"] for row in rows[:7]] == [row["score"] for row in rows[7:]]
    assert [row["failure"] for row in rows if row["failure"]] == ["decode:not_dicom", "rewrite:failed"]


def test_a_disturbance_that_fails_costs_its_pass_and_no_other(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from validate import registry

    def raising(*_: Any) -> Any:
        raise RuntimeError("Doe^Jane")

    work = plan(tmp_path, study(tmp_path / "dicom", 3), passes=(CLEAN, noise("n", 1.0)))
    monkeypatch.setattr(registry, "load", lambda kind, name: raising)
    ENGINE.run(work, out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows] == [None] * 3 + ["perturb:error"] * 3
    assert "Doe" not in repr(rows)


def test_a_sample_is_the_same_in_every_pass_and_any_order(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 30)
    few = (Pass("few", sample=5), Pass("again", sample=5, engine_overrides={"batch_size": 1}))
    ENGINE.run(plan(tmp_path, cases, passes=(CLEAN, *few)), out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    chosen = {name: {row["unit"] for row in rows if row["pass"] == name} for name in ("few", "again")}
    assert chosen["few"] == chosen["again"] and len(chosen["few"]) == 5
    units = [case.unit for case in cases]
    assert few[0].chosen(units[::-1], [case.digest for case in cases[::-1]], lambda _: []) == chosen["few"]
