"""validate: a validation, benchmarking and regulatory-evidence harness for medical-imaging AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "compare_masks", "evaluate", "run"]

if TYPE_CHECKING:
    from validate.evaluation.table import evaluate
    from validate.mask_comparison import compare_masks
    from validate.run_protocol import run


def __getattr__(name: str) -> Any:
    # Loaded when first used, so that `import validate` costs nothing. The modules are not called `run`,
    # `evaluate` and `compare_masks`, because importing a submodule would put the module where the function belongs.
    if name == "run":
        from validate.run_protocol import run

        return run
    if name == "evaluate":
        from validate.evaluation.table import evaluate

        return evaluate
    if name == "compare_masks":
        from validate.mask_comparison import compare_masks

        return compare_masks
    raise AttributeError(f"module 'validate' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
