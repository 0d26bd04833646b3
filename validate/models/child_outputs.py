"""What a child process of a model has answered, as the outputs that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.models.embedding import embedding_output
from validate.models.output import output_name
from validate.models.runner import Outputs
from validate.processes.channel import Arrays
from validate.protocol.model import Model


def outputs_of(found: tuple[Mapping[str, Any], Arrays], *, model: Model) -> Outputs:
    """Raises ModelError, with the names that there are, where one that the protocol names is not there."""
    header, arrays = found
    if not arrays:
        names = tuple(header["outputs"])
        output_name(names, model=model)
        embedding_output(names, model=model)
    return arrays
