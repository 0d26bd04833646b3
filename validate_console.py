"""The `validate` command's first step: notices when another package named `validate` stands in our place.

configobj ships a top-level `validate` too. Whichever was installed last wins, so this module is apart.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Hand over to the command line, or say which file shadows us and what to do."""
    import validate

    if not hasattr(validate, "__version__") or getattr(validate, "__all__", None) is None:
        sys.exit(
            f"validate: {validate.__file__} is another package named 'validate' (configobj ships one) and hides "
            "validate-imaging. Do: pip uninstall configobj && pip install --force-reinstall --no-deps validate-imaging"
        )
    from validate.cli.main import main as command

    command()
