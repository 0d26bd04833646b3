"""The one form in which printed words are compared: without what a typesetter may add, drop, or write in capitals."""

from __future__ import annotations

INVISIBLE = {"\u2060", "\u00ad", "\u200b", "\ufeff"}  # signs that join or part words and are not seen


def letters(text: str) -> str:
    """Neither spaces nor signs that are not seen, all in small letters; each sign gives one or none, so that places can be counted."""
    return text.translate(_FORMS)


def visible(text: str) -> str:
    """As it is written, words one space apart."""
    return " ".join(text.translate(_SEEN).split())


class _Forms(dict[int, str]):
    """Each sign as it is compared, found once."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        lower = sign.lower()
        self[code] = "" if sign.isspace() or sign in INVISIBLE else lower if len(lower) == 1 else sign
        return self[code]


_FORMS = _Forms()
_SEEN = dict.fromkeys(map(ord, INVISIBLE), "")
