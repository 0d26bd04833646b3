"""Times of the evidence as printed, in UTC."""

from __future__ import annotations

from datetime import datetime

from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.view import words

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(node: Node) -> Printed:
    """As in "3 Mar 2026" from an ISO 8601 time."""
    moment = _moment(node)
    return (
        printed(f"{moment.day}\u00a0{MONTHS[moment.month - 1]}\u00a0{moment.year}", node.address)
        if moment
        else words(node)
    )


def minute(node: Node) -> Printed:
    """As in "3 Mar 2026, 14:05 UTC"."""
    moment = _moment(node)
    return day(node) + printed(f", {moment:%H:%M} UTC", node.address) if moment else words(node)


def second(node: Node) -> Printed:
    """As in "3 Mar 2026, 14:05:09 UTC"."""
    moment = _moment(node)
    return day(node) + printed(f", {moment:%H:%M:%S} UTC", node.address) if moment else words(node)


def _moment(node: Node) -> datetime | None:
    try:
        return datetime.fromisoformat(node.text)
    except ValueError:
        return None
