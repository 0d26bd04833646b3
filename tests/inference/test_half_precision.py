"""Half precision: only where it is declared, only of what can compute so, and always held against full precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.errors import ProtocolError
from validate.imaging.dicom import read_image
from validate.inference.local import LocalEngine
from validate.inference.plan import make_plan
from validate.inference.store import read_inference
from validate.models.load import load_models, opened_elsewhere
from validate.protocol.passes import CLEAN, Pass

Make = Callable[..., Any]
FULL = Pass("full", engine_overrides={"precision": "float32"})
WEIGHT, BIAS = 4.0321, -1.5017


def _script(path: Path) -> None:
    """Logit = 4.0321 * mean(image) - 1.5017, by a linear layer, which half precision is used for."""
    import torch

    class Tiny(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(1, 1)

        def forward(self, image: torch.Tensor) -> Any:
            return self.linear(image.mean((2, 3)))

    model = Tiny().eval()
    with torch.no_grad():
        model.linear.weight.fill_(WEIGHT)
        model.linear.bias.fill_(BIAS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(model, torch.zeros(2, 1, 8, 8)), path)


@pytest.mark.slow
def test_a_torch_model_computes_in_half_precision_and_again_in_full(
    study: Make, protocol: Make, tmp_path: Path
) -> None:
    from validate.cohort.case import Cohort

    _script(tmp_path / "tiny.ts")
    cases = study(tmp_path / "data", 6)
    output = {"activation": "none", "kind": "score"}
    made = protocol([{"format": "torch", "path": "tiny.ts", "output": output}], precision="float16", batch_size=3)
    models = load_models(made, base=tmp_path, threads=1)
    try:
        assert models["m"].identity.provider == "cpu, in half precision"
        with opened_elsewhere(made, tmp_path, (CLEAN, FULL), models) as elsewhere:
            assert elsewhere["m", "float32"].identity.provider == "cpu"
            plan = make_plan(made, Cohort(cases, (), (), "c" * 64), models, (CLEAN, FULL), elsewhere=elsewhere)
            LocalEngine(kind="thread").run(plan, out=tmp_path / "out", resume=False)
        with pytest.raises(ProtocolError, match=r"must be held against full precision: add to analyses `determinism"):
            make_plan(made, Cohort(cases, (), (), "c" * 64), models, (CLEAN,))
    finally:
        models["m"].close()
    rows = read_inference(tmp_path / "out").to_pylist()
    half, full = ({row["unit"]: row["score"] for row in rows if row["pass"] == name} for name in ("clean", "full"))
    for case in cases:
        grey = np.clip((read_image(case.files[0]).voxels - 499.5) / 1000 + 0.5, 0, 1).mean()
        assert full[case.unit] == pytest.approx(WEIGHT * grey + BIAS, abs=1e-5)
        # by hand: mean and weight and result are rounded to 11 bits, so that a result of up to 4 is off by a few thousandths
        assert half[case.unit] == pytest.approx(WEIGHT * grey + BIAS, abs=5e-3)
        assert half[case.unit] != full[case.unit]
        assert np.float64(np.float16(half[case.unit])) == half[case.unit]


@pytest.mark.slow
def test_a_whole_run_in_half_precision_says_what_it_cost(tmp_path: Path) -> None:
    """From protocol to sealed evidence: the report's analysis compares a sample with full precision."""
    import json
    import shutil

    import yaml

    import validate

    root = Path(__file__).parents[2]
    page = (root / "docs/models/torch.md").read_text()
    block = yaml.safe_load(page.split("```yaml")[1].split("```")[0])
    block["inference"] = {"precision": "float16", "device": "cpu"}
    block["analyses"] = [{"determinism": {"sample": 8, "checks": ["again", "full"]}}]
    block["resampling"] = {"replicates": 200}
    path = tmp_path / "protocols/gallery/half.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(block))
    shutil.copytree(root / "sample_data", tmp_path / "sample_data")
    run = validate.run(path, out=tmp_path / "run")
    findings = json.loads((run.folder / "findings.json").read_text())["findings"]
    (found,) = (one for one in findings if one["analysis"] == "determinism")
    again, full = found["data"]["checks"]
    assert (again["identical"], full["title"]) == (again["compared"], "In full precision")
    assert 0 < full["largest"] < 0.05
    assert "in full precision" in found["statement"]
    models = json.loads((run.folder / "evidence/models.json").read_text())["models"]
    assert models["candidate"]["provider"] == "cpu, in half precision"
