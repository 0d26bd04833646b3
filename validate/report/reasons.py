"""Codes of exclusion, failure and decision as a reader is told them."""

from __future__ import annotations

from validate.analyses.wording import attribute_words, sentence_case

WORDS = {
    "not_dicom": "not a DICOM file",
    "no_image": "no image in the file",
    "no_pixel_data": "no pixel data",
    "truncated": "file cut short",
    "unreadable_file": "file unreadable",
    "unreadable_header": "header unreadable",
    "empty_file": "empty file",
    "duplicate_sop_instance": "copy of another file",
    "conflicting_patient": "study under two patient ids",
    "missing": "no label",
    "indeterminate": "label indeterminate",
    "missing_output": "no output handed in",
    "nan_output": "the model's output was not a number",
    "input_shape": "image of another shape than the model takes",
    "out_of_memory": "out of memory",
}
PARTS = {"decode": "", "rule": "by the rule on ", "model": ""}  # what stands before the colon of a code


def reason_words(code: str) -> str:
    """As in "File cut short"; a code nobody wrote words for is shown as words of its own."""
    part, colon, detail = code.partition(":")
    if colon and part in PARTS:
        return sentence_case(PARTS[part] + WORDS.get(detail, attribute_words(detail.replace(":", ", "))))
    return sentence_case(WORDS.get(code, attribute_words(code.replace(":", ": "))))
