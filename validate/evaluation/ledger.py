"""A look at labels in a notebook, in the ledger of test sets: whose cases, which metrics, at which threshold."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from validate.cohort.privacy import home, pseudonym, site_key
from validate.cohort.table import key_text
from validate.errors import MachineError
from validate.provenance.actor import acting
from validate.provenance.ledger import Ledger
from validate.uses import patient_members


def note_look(
    table: pa.Table, cluster: str, *, metrics: Sequence[str], threshold: float | Mapping[str, float] | None
) -> None:
    """Count it. The numbers are computed already: a ledger that can't be written is a warning, and loses none of them."""
    try:
        key = site_key()
        names = (key_text(value) for value in table.column(cluster).unique().to_pylist())
        groups = patient_members(pseudonym(key, "patient", name) for name in names if name is not None)
        data: dict[str, Any] = {
            "cases": table.num_rows,
            "patients": int(groups[0].hashes.size),
            "metrics": list(metrics),
            "threshold": dict(threshold) if isinstance(threshold, Mapping) else threshold,
            "members": {group.kind: group.digest for group in groups},
        }
        Ledger(home(), actor=acting()).append("evaluated", data, groups)
    except MachineError as error:
        warnings.warn(f"this look at the labels is not counted in a ledger: {error}", stacklevel=3)
