"""The way to the first case is short: an ONNX model does not load torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from validate.resources import resource

PROGRAM = """
import sys
from pathlib import Path
from validate.catalog import shipped_catalog
from validate.inference.local import LocalEngine
from validate.inference.plan import make_plan
from validate.models.load import load_models
from validate.protocol.load import load_protocol
loaded = load_protocol(Path(sys.argv[1]), catalog=shipped_catalog())
for model in load_models(loaded.protocol, base=loaded.base, device="cpu").values():
    model.close()
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_run_of_an_onnx_model_loads_neither_torch_nor_ray_nor_monai() -> None:
    protocol = resource("protocols", "gallery", "cxr-opacity-acceptance.yaml")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(protocol)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=Path("/"),
    )
    loaded = set(done.stdout.split())
    assert "validate" in loaded
    assert not loaded & {"torch", "ray", "monai", "torchio", "sklearn", "weasyprint"}
