"""What is drawn together in a resample, counted in words: a reason says sites where sites are what is resampled."""

from __future__ import annotations

PATIENT = "patient"  # what is resampled where nothing else is said
PLURALS = {"study": "studies", "series": "series"}


def clusters_in_words(count: int, noun: str) -> str:
    """Such as "9 patients", "1 site", "0 studies"."""
    return f"{count} {noun if count == 1 else PLURALS.get(noun, f'{noun}s')}"
