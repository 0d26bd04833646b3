"""Prints constraints.txt from the packages installed in this environment."""

from importlib.metadata import distributions

HEADER = """\
# Versions that are tested together: `make constraints` writes this file, .ci/setup installs by it.
# torch carries no hash and no local version: a CPU wheel (2.13.0+cpu) and the registry's build both satisfy it.
# onnxruntime beside onnxruntime-gpu breaks CUDA, and configobj ships a top-level `validate` of its own: both are
# forbidden by a version that does not exist.
configobj<0
onnxruntime<0
"""
OURS = {"validate-imaging", "pip", "setuptools"}

versions = {(d.metadata["Name"] or "").lower().replace("_", "-"): d.version for d in distributions()}
print(HEADER + "\n".join(f"{n}=={v.split('+')[0]}" for n, v in sorted(versions.items()) if n and n not in OURS))
