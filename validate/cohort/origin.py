"""What made an image: a scanner, or something that is none. Said by the header, never guessed from the pixels.

"scanner" · "secondary_capture" (a screen or a converted picture) · "digitised_film" · "software" (a program that wrote it,
such as nifti2dicom) · None where neither maker nor storage class says anything.
"""

from __future__ import annotations

from validate.cohort.vendors import Vendor, vendor

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FILM = {"DF", "DV"}  # digitised film and video (PS3.3 C.8.6.1.1)
CONVERTED = {"DI", "WSD", "SD", "SI", "DRW", "SYN"}


def origin(
    *, storage_class: str, conversion: str, maker: Vendor | None, model: str | None, tables: tuple[str, ...] = ()
) -> str | None:
    """From storage class, conversion type, and the maker and model as the header has them."""
    kinds = {found.kind for found in (maker, vendor(model, tables=tables)) if found is not None}
    if "software" in kinds:
        return "software"
    if "digitiser" in kinds or conversion in FILM:
        return "digitised_film"
    if (
        conversion in CONVERTED
        or storage_class == SECONDARY_CAPTURE
        or storage_class.startswith(f"{SECONDARY_CAPTURE}.")
    ):
        return "secondary_capture"
    return "scanner" if maker is not None else None
