"""Codes of exclusion, failure and decision as a reader is told them."""

from __future__ import annotations

from validate.analyses.wording import attribute_words, sentence_case

WORDS = {
    "not_dicom": "not a DICOM file",
    "not_an_image": "no image in the file",
    "no_pixel_data": "no pixel data",
    "truncated": "file cut short",
    "duplicate": "copy of another file",
    "duplicate_sop_instance": "copy of another file",
    "no_patient": "no patient id",
    "two_patients": "study with two patient ids",
    "conflicting_patient": "study with two patient ids",
    "missing": "no label",
    "indeterminate": "label indeterminate",
    "nan_output": "the model's output was not a number",
    "wrong_shape": "output of another shape",
    "timeout": "took too long",
    "decode_failed": "pixels could not be decoded",
    "unsupported_transfer_syntax": "compression not supported",
    "out_of_range": "output outside its stated range",
}


def reason_words(code: str) -> str:
    """As in "File cut short"; a code nobody wrote words for is shown as words of its own."""
    kind, _, detail = code.partition(":")
    if kind in {"rule", "include", "exclude"} and detail:
        return f"By rule: {attribute_words(detail)}"
    return sentence_case(WORDS.get(code, attribute_words(code.replace(":", ": "))))
