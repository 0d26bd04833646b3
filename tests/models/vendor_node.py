"""A vendor's node for the tests: takes a case by C-STORE and answers with a report, or late, twice, wrongly, or never."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    Verification,
)

CODE = ("9901", "99VENDOR")


def code(value: str, scheme: str, meaning: str = "-") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def report(
    image: Dataset,
    number: float | str | None,
    *,
    concept: tuple[str, str] = CODE,
    unit: str = "1",
    study: str | None = None,
) -> Dataset:
    """A Comprehensive SR on one image with one number under a code."""
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    found.StudyInstanceUID, found.SeriesInstanceUID = study or image.StudyInstanceUID, generate_uid()
    found.Modality, found.PatientID, found.PatientName = "SR", image.PatientID, image.PatientName
    found.ValueType, found.ConceptNameCodeSequence = "CONTAINER", [code("126000", "DCM", "Imaging Measurement Report")]
    instance = Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = image.SeriesInstanceUID, [instance]
    evidence = Dataset()
    evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = found.StudyInstanceUID, [series]
    found.CurrentRequestedProcedureEvidenceSequence = [evidence]
    measured = Dataset()
    measured.RelationshipType, measured.ValueType = "CONTAINS", "NUM"
    measured.ConceptNameCodeSequence = [code(*concept)]
    measured.MeasuredValueSequence = []
    if number is not None:
        value = Dataset()
        value.NumericValue = number if isinstance(number, str) else f"{number:.12g}"
        value.MeasurementUnitsCodeSequence = [code(unit, "UCUM")]
        measured.MeasuredValueSequence = [value]
    group = Dataset()
    group.RelationshipType, group.ValueType = "CONTAINS", "CONTAINER"
    group.ConceptNameCodeSequence, group.ContentSequence = [code("125007", "DCM", "Measurement Group")], [measured]
    found.ContentSequence = [group]
    return found


def logit(image: Dataset) -> float:
    """The tiny model: 4 * mean - 1.5, of grey in [0, 1]."""
    return 4.0 * float(np.frombuffer(image.PixelData, np.uint8).mean()) / 255 - 1.5


class VendorNode:
    """Port 0 takes a free one. `behave` makes of an image the answers and the seconds to wait before each."""

    def __init__(
        self,
        answer_to: tuple[str, int, str],
        behave: Callable[[Dataset], list[tuple[float, Dataset]]] | None = None,
        *,
        title: str = "VENDOR",
        tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
        status: int = 0,
    ) -> None:
        self.answer_to, self.title, self.status = answer_to, title, status
        self.behave = behave or (lambda image: [(0.0, report(image, logit(image)))])
        self._calling = tls[0] if tls is not None else None
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        entity = AE(title)
        for one in (DigitalXRayImageStorageForPresentation, ComputedRadiographyImageStorage):
            entity.add_supported_context(one, ALL_TRANSFER_SYNTAXES)
        entity.add_supported_context(Verification)
        entity.implementation_version_name = "VENDOR_7.2"
        self._server = entity.start_server(
            ("127.0.0.1", 0),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._stored)],
            ssl_context=tls[1] if tls is not None else None,
        )
        self.port: int = self._server.socket.getsockname()[1]

    def _stored(self, event: Any) -> int:
        image = event.dataset
        image.file_meta = event.file_meta
        if self.status == 0:
            thread = threading.Thread(target=self._answer, args=(image,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self.status

    def _answer(self, image: Dataset) -> None:
        for seconds, answer in self.behave(image):
            if self._ending.wait(seconds):
                return
            self._send(answer)

    def _send(self, answer: Dataset) -> None:
        host, port, title = self.answer_to
        for _ in range(50):
            if self._ending.is_set():
                return
            try:
                socket.create_connection((host, port), timeout=5).close()
            except OSError:
                time.sleep(0.1)
                continue
            entity = AE(self.title)
            entity.add_requested_context(answer.SOPClassUID, ExplicitVRLittleEndian)
            association = entity.associate(
                host, port, ae_title=title, tls_args=(self._calling, None) if self._calling else None
            )
            if association.is_established:
                association.send_c_store(answer)
                association.release()
                return
            time.sleep(0.1)

    def close(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(10)
        self._server.shutdown()
