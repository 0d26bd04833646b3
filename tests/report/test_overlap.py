"""Counts below a bar of who gets what right stay apart, in order and inside the drawing."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from validate.report.figures.canvas import Tone, Words, text_width
from validate.report.figures.overlap import APART, LEFT, RIGHT, SMALL, Bar, overlap, spread


def test_three_beside_two_is_not_read_as_thirty_two() -> None:
    three, two = spread([(540.0 - 60, "3", "accent"), (544.0 - 60, "2", "inconclusive")])
    assert two - three >= text_width("3", SMALL) + APART - 1e-9


def test_counts_with_room_stay_below_their_part() -> None:
    assert spread([(200.0, "3", "accent"), (300.0, "2", "inconclusive")]) == [200.0, 300.0]


@given(st.lists(st.tuples(st.floats(LEFT, RIGHT), st.integers(1, 99)), min_size=1, max_size=3))
def test_any_counts_stay_apart_and_inside(parts: list[tuple[float, int]]) -> None:
    below: list[tuple[float, Words, Tone]] = [(at, str(count), "accent") for at, count in sorted(parts)]
    edges = [(at - text_width(str(words), SMALL) / 2, at + text_width(str(words), SMALL) / 2)
             for at, (_, words, _) in zip(spread(below), below, strict=True)]  # fmt: skip
    assert all(after[0] - before[1] > APART / 2 for before, after in pairwise(edges))
    assert edges[-1][1] <= RIGHT + 1e-6


def test_a_count_below_has_the_colour_of_its_part_and_one_inside_the_ink_that_is_read_on_it() -> None:
    counts = [(171, "171"), (3, "3"), (2, "2"), (23, "23")]
    assert inks(counts) == {
        "171": ("f-ink", 7.8),
        "3": ("f-accent", 7.4),
        "2": ("f-inconclusive", 7.4),
        "23": ("f-paper", 7.8),
    }
    assert inks([(2, "2"), (300, "300"), (0, "0"), (1, "1")]) == {
        "2": ("f-grey", 7.4), "300": ("f-paper", 7.8), "1": ("f-fail", 7.4),
    }  # fmt: skip


def inks(counts: list[tuple[int, str]]) -> dict[str, tuple[str, float]]:
    """Class and size of each number that is drawn."""
    drawn = overlap("o", [Bar("with", counts)], ("a", "b", "c", "d"), title="t", description="d")
    texts = re.findall(r'<text class="([^"]+)"[^>]*font-size="([^"]+)"[^>]*>(\d+)</text>', str(drawn.svg))
    return {number: (ink, float(size)) for ink, size, number in texts}
