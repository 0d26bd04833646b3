"""Objects that a vendor answers with: segmentations, presentation states, secondary captures, and reports with regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FINDING = ("36118008", "SCT")


def other(image: Dataset, sop_class: str, **elements: Any) -> Dataset:
    """An object of another class on this image."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = sop_class
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = image.StudyInstanceUID, generate_uid()
    instance = Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedImageSequence = image.SeriesInstanceUID, [instance]
    made.ReferencedSeriesSequence = [series]
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def volume_files(folder: Path) -> list[Path]:
    """Four CT slices of 6 × 5 pixels, 0.5 × 0.7 mm, 3 mm apart."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    paths = []
    for number in range(4):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.PatientID, image.PatientName, image.PatientBirthDate, image.PatientSex = "P", "N^", "", ""
        image.StudyDate = image.StudyTime = image.AccessionNumber = image.StudyID = image.ReferringPhysicianName = ""
        image.Modality, image.Manufacturer, image.SeriesNumber, image.InstanceNumber = "CT", "V", 1, number + 1
        image.PositionReferenceIndicator = ""
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = 6, 5, [0.5, 0.7], 3
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [10, 20, 30 + 3 * number]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation, image.RescaleSlope, image.RescaleIntercept = 15, 0, 1, 0
        image.PixelData = np.zeros((6, 5), np.uint16).tobytes()
        image.save_as(folder / f"slice-{number}.dcm", enforce_file_format=True)
        paths.append(folder / f"slice-{number}.dcm")
    return paths


def segmentation(
    images: list[Path] | list[Dataset], labels: np.ndarray, names: tuple[str, str] = ("Liver", "Spleen")
) -> Dataset:
    """Of these images, a slice of `labels` each; values 1 and 2 are segments of these names."""
    import highdicom as hd
    from highdicom.sr import CodedConcept

    def segment(number: int, label: str) -> Any:
        return hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=CodedConcept("123037004", "SCT", "Anatomical structure"),
            segmented_property_type=CodedConcept("10200004", "SCT", "Liver"),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=hd.AlgorithmIdentificationSequence(
                name="x", version="1", family=CodedConcept("123110", "DCM", "Artificial Intelligence")
            ),
        )

    return hd.seg.Segmentation(
        source_images=[one if isinstance(one, Dataset) else dcmread(one) for one in images], pixel_array=labels,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment(number, name) for number, name in enumerate(names, 1)],
        series_instance_uid=generate_uid(), series_number=9, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="V", manufacturer_model_name="M", software_versions="1", device_serial_number="1",
    )  # fmt: skip


def drawn(image: Dataset, text: str | None = None, *, kind: str = "CIRCLE", units: str = "PIXEL") -> Dataset:
    graphic = Dataset()
    graphic.GraphicAnnotationUnits, graphic.GraphicDimensions, graphic.NumberOfGraphicPoints = units, 2, 2
    graphic.GraphicData, graphic.GraphicType, graphic.GraphicFilled = [4.0, 3.0, 6.0, 3.0], kind, "N"
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicObjectSequence = "AI", [graphic]
    if text is not None:
        words = Dataset()
        words.UnformattedTextValue = text
        layer.TextObjectSequence = [words]
    return other(image, GSPS, GraphicAnnotationSequence=[layer])


def capture(image: Dataset, words: str) -> Dataset:
    """A secondary capture with words about this image."""
    return other(image, CAPTURE, ImageComments=words)


def region_report(
    image: Dataset,
    regions: list[tuple[Any, float | None]],
    *,
    code: tuple[str, str],
    finding: tuple[str, str] = FINDING,
) -> Dataset:
    """A report by TID 1500 that highdicom writes: of each region (an ImageRegion or ImageRegion3D) a group, with its number."""
    import highdicom as hd
    from highdicom.sr import CodedConcept

    image.StudyDate, image.StudyTime, image.PatientBirthDate = "20250101", "120000", "19500101"
    observer = hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=CodedConcept("121007", "DCM", "Device"),
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(uid=generate_uid()),
        )
    )
    groups = []
    for place, number in regions:
        told = [
            hd.sr.Measurement(
                name=CodedConcept(*code, "Probability"), value=number or 0.0, unit=CodedConcept("1", "UCUM", "no units")
            )
        ]
        about: dict[str, Any] = {
            "tracking_identifier": hd.sr.TrackingIdentifier(generate_uid(), "one"),
            "finding_type": CodedConcept(*finding, "Finding"),
            "measurements": told if number is not None else None,
        }
        if place is None:
            source = [hd.sr.SourceImageForMeasurementGroup.from_source_image(image)]
            groups.append(hd.sr.MeasurementsAndQualitativeEvaluations(source_images=source, **about))
        else:
            groups.append(hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=place, **about))
    content = hd.sr.MeasurementReport(
        observation_context=observer,
        procedure_reported=CodedConcept("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=groups,
    )
    return hd.sr.Comprehensive3DSR(
        evidence=[image], content=content[0], series_instance_uid=generate_uid(), series_number=2,
        sop_instance_uid=generate_uid(), instance_number=1, manufacturer="Vendor",
    )  # fmt: skip


def flat_region(image: Dataset, kind: str, points: list[list[float]]) -> Any:
    """An SCOORD on this image: column, row from the corner of the first pixel."""
    import highdicom as hd

    return hd.sr.ImageRegion(kind, np.array(points), hd.sr.SourceImageForRegion.from_source_image(image))


def region_in_space(image: Dataset, kind: str, points: list[list[float]]) -> Any:
    """An SCOORD3D in this image's frame of reference; of a planar group, where highdicom writes only points and polygons."""
    import highdicom as hd

    if kind == "POINT":
        return hd.sr.ImageRegion3D(kind, np.array(points, float), image.FrameOfReferenceUID)
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]], float)
    made = hd.sr.ImageRegion3D("POLYGON", square, image.FrameOfReferenceUID)
    made.GraphicType, made.GraphicData = kind, [float(value) for point in points for value in point]
    return made
