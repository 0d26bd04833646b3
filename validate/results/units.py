"""The table that every number is computed from: one row per unit × model × pass × target."""

from __future__ import annotations

import pyarrow as pa

STRATUM_PREFIX = "by."  # "by.manufacturer": the level as text, "missing" where the source said nothing

UNITS = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False, metadata={"role": "key"}),
        pa.field("model", pa.string(), nullable=False, metadata={"role": "key"}),
        pa.field("pass", pa.string(), nullable=False, metadata={"role": "key"}),
        pa.field("target", pa.string(), nullable=False, metadata={"role": "key"}),
        pa.field("cluster", pa.string(), nullable=False, metadata={"role": "cluster"}),
        pa.field("patient", pa.string(), nullable=False, metadata={"role": "patient"}),
        pa.field("study", pa.string(), nullable=False, metadata={"role": "study"}),
        pa.field(
            "label_status", pa.string(), nullable=False, metadata={"role": "status"}
        ),  # present|missing|indeterminate
        # 1 positive, 0 negative, of all classes together the class's number; null unless present
        pa.field("label", pa.float64(), metadata={"role": "reference"}),
        pa.field("status", pa.string(), nullable=False, metadata={"role": "status"}),  # ok|failed
        pa.field("failure", pa.string(), metadata={"role": "reason"}),  # code; null when ok
        pa.field(
            "score", pa.float64(), metadata={"role": "output", "unit": "probability or score"}
        ),  # null when failed
    ]
)

# Where a model has a second output, on the row of its first target in the clean pass; null elsewhere.
EMBEDDING = pa.field("embedding", pa.list_(pa.float64()), metadata={"role": "output"})

MEASURE_PREFIX = "case."  # "case.dice": what was measured of the row's mask; null where it has no value
# Where masks are judged: which of the two holds nothing of the structure.
EMPTY = pa.field("empty", pa.string(), metadata={"role": "status"})

# Where a study has several classes or grades, besides: the answer by the locked rule (1 or 0, of all classes together the
# class's number), and on the rows of all classes the score of each.
ANSWERS = (
    pa.field("answer", pa.float64(), metadata={"role": "output"}),
    pa.field("scores", pa.list_(pa.float64()), metadata={"role": "output", "unit": "probability or score"}),
)
