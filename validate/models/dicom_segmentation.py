"""A DICOM segmentation as a mask: on the grid that its own frames lie on, or, of a projection, on its image's grid of pixels.

Sources: PS3.3 C.8.20 (segmentation), C.7.6.16.2.12 (derivation image: which frame is of which image).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.imaging.image_facts import spacing_of
from validate.imaging.mask import Grid, LabelMap, whole_labels
from validate.models.dicom_items import items, text
from validate.models.dicom_reading import DicomReading
from validate.models.mask_predictions import mask_prediction
from validate.models.prediction import Failure, Prediction

EVEN = 1e-3  # of its size, by which the segmentation's pixel may differ from its image's
PLACES = ("PlanePositionSequence", "PlanePositionSlideSequence")


def segmentation_mask(dataset: Any, reading: DicomReading, case: Case) -> Prediction | Failure:
    """The mask, its values those of the protocol's segments."""
    labels = {int(item.SegmentNumber): text(item, "SegmentLabel") for item in items(dataset, "SegmentSequence")}
    if reading.segments is not None and (strange := set(labels.values()) - set(reading.segments)):
        return Failure(
            "seg:unknown_segment",
            f"The segmentation has {len(strange)} segments whose label the protocol does not name.",
        )
    values = {number: reading.segments[label] if reading.segments is not None else number
              for number, label in labels.items()}  # fmt: skip
    try:
        if _lies_somewhere(dataset):
            return mask_prediction(_in_patient(dataset, values))
        return _on_pixels(dataset, values, case)
    except Exception as error:  # noqa: BLE001 - the library is given other people's files
        return Failure(
            "seg:unreadable", f"The segmentation can't be read as labels on a grid ({type(error).__name__})."
        )


def _lies_somewhere(dataset: Any) -> bool:
    """Whether its frames say where they lie in the patient; those of a projection do not."""
    groups = [*items(dataset, "SharedFunctionalGroupsSequence"), *items(dataset, "PerFrameFunctionalGroupsSequence")]
    return any(True for group in groups for _ in items(group, *PLACES))


def _in_patient(dataset: Any, values: Mapping[int, int]) -> LabelMap:
    from highdicom.seg import Segmentation

    volume = Segmentation.from_dataset(dataset).get_volume(combine_segments=True, allow_missing_positions=True)
    # highdicom's indices run (slice, row, column), ours (column, row, slice)
    affine = np.asarray(volume.affine, np.float64)[:, [2, 1, 0, 3]]
    return _mapped(np.asarray(volume.array), values, affine)


def _on_pixels(dataset: Any, values: Mapping[int, int], case: Case) -> Prediction | Failure:
    """Pixel by pixel on the one image that it is of: its size must be the image's, which must say how large a pixel is."""
    from highdicom.seg import Segmentation
    from pydicom import dcmread

    if len(case.files) != 1:
        return Failure(
            "seg:no_geometry",
            f"The segmentation does not say where it lies, and the case has {len(case.files)} images; expected one.",
        )
    image = dcmread(case.files[0], stop_before_pixels=True)
    shape = int(image.Rows), int(image.Columns)
    if (int(dataset.Rows), int(dataset.Columns)) != shape:
        return Failure(
            "seg:grid",
            f"The segmentation has {dataset.Rows} × {dataset.Columns} pixels, its image {shape[0]} × {shape[1]}.",
        )
    spacing = spacing_of(image)
    if spacing is None:
        return Failure("seg:no_geometry", "Neither the segmentation nor its image says how large a pixel is.")
    own = spacing_of(dataset)
    if own is not None and not np.allclose(own[1:], spacing[1:], rtol=EVEN):
        return Failure("seg:grid", "The segmentation's pixels are of another size than its image's.")
    read = Segmentation.from_dataset(dataset)
    plane = read.get_pixels_by_source_instance(
        [str(image.SOPInstanceUID)], combine_segments=True, ignore_spatial_locations=True,
        assert_missing_frames_are_empty=True,
    )  # fmt: skip
    _, y, x = spacing
    return mask_prediction(_mapped(np.asarray(plane), values, np.diag([x, y, 1.0, 1.0])))


def _mapped(voxels: NDArray[Any], values: Mapping[int, int], affine: NDArray[np.float64]) -> LabelMap:
    found: NDArray[np.uint16] = np.zeros(voxels.shape, np.uint16)
    for number, value in values.items():
        found[voxels == number] = value
    depth, rows, columns = found.shape
    return LabelMap(whole_labels(found), Grid((depth, rows, columns), affine))
