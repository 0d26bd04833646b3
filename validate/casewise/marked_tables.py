"""The tables behind a study of marks: each mark with what it hit, each lesion with the mark that hit it."""

from __future__ import annotations

import pyarrow as pa

OF = "of."  # "of.texture": what a lesion is, as text; null where the source says nothing
_KEYS = [
    pa.field(name, pa.string(), nullable=False, metadata={"role": "key"})
    for name in ("unit", "model", "pass", "target")
]
_BITS = pa.list_(pa.int64())

MARKS = pa.schema(
    [
        *_KEYS,
        pa.field("mark", pa.int64(), nullable=False, metadata={"role": "key"}),  # in the order of the output, from 0
        pa.field("score", pa.float64(), nullable=False, metadata={"role": "output"}),
        # hit|false|repeated|ignored; unjudged where the case has no reference
        pa.field("verdict", pa.string(), nullable=False, metadata={"role": "status"}),
        pa.field("lesion", pa.int64()),  # which it hit
        pa.field("fit", pa.float64()),  # overlap, or minus the distance, absolute or in diameters; null unless it hit
        pa.field("shape", pa.string(), nullable=False),
        pa.field("geometry", pa.list_(pa.float64()), nullable=False),  # in the coordinates that were judged in
        # Of boxes, for COCO's numbers: by range of areas, a bit for each overlap; the place by score in its case and class.
        pa.field("matched", _BITS),
        pa.field("passed_over", _BITS),
        pa.field("rank", pa.int64()),
        pa.field("place", pa.int64()),  # among boxes of equal scores: by image, in it by rank
    ]
)
LESIONS = pa.schema(
    [
        *_KEYS,
        pa.field(
            "lesion", pa.int64(), nullable=False, metadata={"role": "key"}
        ),  # in the order of the reference, from 0
        pa.field("ignore", pa.bool_(), nullable=False),  # a place that need not be marked, and may be
        pa.field("score", pa.float64(), metadata={"role": "output"}),  # of the mark that hit it; null where none did
        pa.field("size", pa.float64(), metadata={"role": "measure"}),
        pa.field("shape", pa.string(), nullable=False),
        pa.field("geometry", pa.list_(pa.float64()), nullable=False),
        pa.field("counted", pa.list_(pa.bool_())),  # by range of areas
    ]
)  # and "of.<attribute>"


def lesion_schema(attributes: tuple[str, ...]) -> pa.Schema:
    """LESIONS with the strata that lesions belong to."""
    schema = LESIONS
    for name in attributes:
        schema = schema.append(pa.field(f"{OF}{name}", pa.string()))
    return schema
