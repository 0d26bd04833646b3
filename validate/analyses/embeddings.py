"""A model's second output, its embedding, in both cohorts: its leading components, which are compared like other numbers.

An embedding has hundreds of numbers, of which most go together. So both cohorts are put on the axes along which they spread most,
found without regard to which case is of which cohort, so that patients can still be exchanged (principal components; Rabanser, Günnemann
& Lipton 2019, "Failing loudly", arXiv:1810.11953, compare reductions for that purpose).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.results.units import EMBEDDING

PREFIX = (
    "embedding."  # of a column of a reference that holds the embedding of a model: by its id; of a table also by number
)
SEED = 20261122
MOST_ROWS = 4000  # behind the axes; all rows are put on them
Vectors = Sequence[Sequence[float] | None]


@dataclass(frozen=True, slots=True)
class Components:
    """scores : (here and reference together, component), the reference first, NaN where a case has no embedding
    size : numbers of an embedding      share : of their spread that is in these components, 0 to 1
    """

    scores: NDArray[np.float64]
    size: int
    share: float


def embedding_column(model: str) -> str:
    """As a reference that is a run calls it."""
    return f"{PREFIX}{model}"


def embeddings_here(units: pa.Table, model: str) -> dict[str, list[float]]:
    """By unit, those that this model gave in the clean pass."""
    if EMBEDDING.name not in units.column_names:
        return {}
    rows = units.select(["unit", "model", "pass", EMBEDDING.name]).to_pylist()
    return {
        row["unit"]: row[EMBEDDING.name]
        for row in rows
        if row["model"] == model and row["pass"] == CLEAN.id and row[EMBEDDING.name] is not None
    }


def embeddings_of_reference(reference: pa.Table, model: Model) -> Vectors | None:
    """A vector for each row: of a run its own, of a table the columns that are called as the protocol calls them, or
    embedding.0, embedding.1, … None where there are none."""
    declared = model.output.embedding
    if declared is None:
        return None
    if embedding_column(model.id) in reference.column_names:
        found: Vectors = reference[embedding_column(model.id)].to_pylist()
        return found
    numbered = tuple(f"{PREFIX}{place}" for place in range(declared.numbers))
    for names in (declared.columns or (), numbered):
        if names and set(names) <= set(reference.column_names):
            rows = zip(*(reference[name].to_pylist() for name in names), strict=True)
            return [None if any(value is None for value in row) else [float(value) for value in row] for row in rows]
    return None


def components(reference: Vectors, here: Vectors, *, at_most: int) -> Components:
    """Principal components of both together. Raises ValueError, with the reason, where the two can't be put on the same axes."""
    sizes = [sorted({len(one) for one in side if one is not None}) for side in (reference, here)]
    for name, found in zip(("reference", "cohort"), sizes, strict=True):
        if not found:
            raise ValueError(f"no case of the {name} has one")
    if sizes[0] != sizes[1] or len(sizes[0]) != 1:
        raise ValueError(
            f"those of the reference have {_listed(sizes[0])} numbers and those of this cohort {_listed(sizes[1])}: they are not of "
            "one model"
        )
    both, size = [*reference, *here], sizes[0][0]
    rows = np.array([[np.nan] * size if one is None else one for one in both], np.float64)
    known = np.asarray(np.isfinite(rows).all(axis=1))
    for name, side in (("reference", known[: len(reference)]), ("cohort", known[len(reference) :])):
        if not side.any():
            raise ValueError(f"each of the {name} holds a number that is not finite")
    there = rows[known]
    order = np.random.Generator(np.random.Philox(key=SEED)).permutation(len(there))[:MOST_ROWS]
    chosen = there[np.sort(order)]
    centre = chosen.mean(axis=0)
    _, spread, axes = np.linalg.svd(chosen - centre, full_matrices=False)
    total = float((spread**2).sum())
    kept = int((spread[:at_most] > 1e-6 * spread[0]).sum()) if total > 0 else 0
    if kept == 0:
        raise ValueError("all embeddings are the same")
    axes = axes[:kept]
    signs = np.sign(axes[np.arange(kept), np.abs(axes).argmax(axis=1)])  # an axis has no direction of its own
    scores = np.full((len(rows), kept), np.nan)
    scores[known] = (there - centre) @ (axes * signs[:, None]).T
    return Components(scores, size, float((spread[:kept] ** 2).sum()) / total)


def _listed(sizes: Sequence[int]) -> str:
    return " or ".join(map(str, sizes))
