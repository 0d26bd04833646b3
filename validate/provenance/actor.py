"""Who did it: the name that stands beside every event (21 CFR 11.10(e): attributable).

A name that was stated, or the account of the operating system, says who is held to have acted; neither proves it.
A signature by a trusted key does.
"""

from __future__ import annotations

import os
import pwd
import unicodedata

from validate.errors import CommandError

LONGEST = 120


def acting(stated: str | None = None) -> str:
    """Such as "Dr A. Example (stated)", else VALIDATE_ACTOR, else "root (account)".

    Raises CommandError for an empty or overlong name, or one with control characters.
    """
    name = stated if stated is not None else os.environ.get("VALIDATE_ACTOR")
    if name is None:
        return f"{_account()} (account)"
    told = name.strip()
    if not told or len(told) > LONGEST or any(unicodedata.category(sign).startswith("C") for sign in told):
        raise CommandError(
            f"actor: got {name[:LONGEST]!r}, expected the name of the person who acts, 1 to {LONGEST} characters on one line. "
            "Give --actor NAME or set VALIDATE_ACTOR."
        )
    return f"{told} (stated)"


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without an entry
        return f"uid {os.getuid()}"
