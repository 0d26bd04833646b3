"""The study of verdicts as a page of the docs: `python tests/benchmarks/verdict_report.py [--table FILE]`.

Reads docs/statistics/verdicts.csv (or takes a new table and puts it there) and writes docs/statistics/verdicts.md and its figure.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from math import sqrt
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs/statistics"
TABLE, PAGE, FIGURE = DOCS / "verdicts.csv", DOCS / "verdicts.md", DOCS / "verdicts.svg"
NOMINAL = 0.025
QUESTIONS = ("overall", "one weak level", "every level at the goal")
NAMES = {"sensitivity": "Sensitivity (Wilson, effective n)", "auroc": "AUROC (Obuchowski)"}
Row = dict[str, str]


def page(rows: list[Row]) -> str:
    """The whole page."""
    parts = [HEAD.format(cells=len(rows), simulations=f"{min(int(r['simulations']) for r in rows):,}")]
    for question, text in zip(QUESTIONS, TEXTS, strict=True):
        mine = [row for row in rows if row["question"] == question]
        wrong = "failed" if question == QUESTIONS[2] else "passed"
        parts.append(f"## {text[0]}\n\n{text[1]}\n\n" + _table(mine) + "\n\n" + _worst(mine, wrong))
    return "\n\n".join(part.strip() for part in [*parts, TAIL]) + "\n"


def _table(rows: list[Row]) -> str:
    lines = [
        "| measure | goal | patients | images each | passed | failed | undecided | too few to decide |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        shares = (f"{float(row[name]):.2%}" for name in ("passed", "failed", "undecided", "too_few"))
        lines.append(
            f"| {NAMES[row['metric']]} | {float(row['goal']):g} | {int(row['patients']):,} | {row['images']} | {' | '.join(shares)} |"
        )
    return "\n".join(lines)


def _worst(rows: list[Row], wrong: str) -> str:
    worst = max(rows, key=lambda row: float(row[wrong]))
    rate, n = float(worst[wrong]), int(worst["simulations"])
    error = sqrt(NOMINAL * (1 - NOMINAL) / n)
    above = sum(float(row[wrong]) > NOMINAL + 2 * error for row in rows)
    return (
        f"The highest rate of wrong answers ({wrong}) is {rate:.2%}: {NAMES[worst['metric']]}, goal {float(worst['goal']):g}, "
        f"{int(worst['patients']):,} patients, {worst['images']} image{'s' if worst['images'] != '1' else ''} each. {above} of "
        f"{len(rows)} cells lie above 2.5% by more than two Monte-Carlo errors ({error:.2%} each)."
    )


def draw(rows: list[Row], path: Path) -> None:
    """Wrong answers against patients, a panel for each question and measure."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "verdicts", "font.size": 8})
    figure, axes = plt.subplots(2, 3, figsize=(10, 5), sharey=True, squeeze=False)
    marks = {("0.8", "1"): ("o", "#0b5d6b"), ("0.8", "3"): ("s", "#0b5d6b"), ("0.9", "1"): ("o", "#9a6700"),
             ("0.9", "3"): ("s", "#9a6700"), ("0.95", "1"): ("o", "#98a1aa"), ("0.95", "3"): ("s", "#98a1aa")}  # fmt: skip
    for line, metric in enumerate(NAMES):
        for place, question in enumerate(QUESTIONS):
            axis = axes[line][place]
            axis.axhspan(0, NOMINAL, color="#dbe9eb", zorder=0)
            wrong = "failed" if question == QUESTIONS[2] else "passed"
            for (goal, images), (mark, colour) in marks.items():
                mine = [
                    r
                    for r in rows
                    if (r["metric"], r["question"], r["goal"], r["images"]) == (metric, question, goal, images)
                ]
                axis.plot(
                    [int(r["patients"]) for r in mine], [float(r[wrong]) for r in mine], mark, linestyle="-", linewidth=0.6,
                    color=colour, markersize=3.4, markeredgewidth=0, label=f"goal {goal}, {images} image{'s' if images != '1' else ''}",
                )  # fmt: skip
            axis.set_xscale("log")
            axis.set_xticks([30, 100, 300, 1000], ["30", "100", "300", "1,000"])
            axis.xaxis.set_minor_locator(mpl.ticker.NullLocator())
            axis.set_xlim(20, 1500)
            axis.set_ylim(0, 0.05)
            axis.set_title(f"{metric}: {question}, {wrong}", fontsize=8.5, loc="left", fontweight="bold")
            axis.spines[["top", "right"]].set_visible(False)
            axis.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0, decimals=0))
            axis.set_xlabel("patients" + (" in each level" if question != QUESTIONS[0] else ""))
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.legend(handles, labels, loc="lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


HEAD = """
# How often a verdict is wrong where the truth is at the goal

A criterion is met where the lower limit of a two-sided 95% interval reaches the goal, so a model that is exactly at the goal
should pass in at most 2.5 of 100 studies, and fail in at most 2.5. The whole decision of the product was simulated: the
locked interval, the rule that refuses to decide in small samples, the limits that hold for all levels at once, and the
three-valued judgement. {cells} cells, {simulations} studies in each; the script is `tests/benchmarks/verdict_study.py`
(`make coverage` runs it), the table [verdicts.csv](verdicts.csv).

![Rates of wrong answers](verdicts.svg)

The shaded band is 0–2.5%. Patients are those with the finding for a sensitivity, and of both classes, half and half, for an
AUROC. Three images of a patient share half of their noise.
"""
ONE_WEAK = (
    "Four levels of equal size; one is exactly at the goal, the others well above it. A pass is wrong. In no other case is a "
    "false pass likelier: with more levels at the goal, all of them would have to pass by chance."
)
TEXTS = (
    ("One goal over all cases", "The truth is at the goal: a pass is wrong, and so is a fail."),
    (
        "A goal for every level (`worst_of`), one level at the goal",
        ONE_WEAK,
    ),
    (
        "A goal for every level (`worst_of`), every level at the goal",
        "Four levels, each exactly at the goal. A fail of any of them is wrong; it is decided by limits that hold for all four at once.",
    ),
)
TAIL = """
## What this does not cover

Scores are normal with equal spread in both classes. Four levels, of equal size. Other intervals than the two defaults are in
[coverage.md](coverage.md) and in `validate/estimation/adequacy.py`, which says where each may decide.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, help="a new table from the study, to be put in place first")
    options = parser.parse_args()
    if options.table is not None:
        shutil.copyfile(options.table, TABLE)
    rows = list(csv.DictReader(TABLE.open(encoding="utf-8")))
    PAGE.write_text(page(rows), encoding="utf-8")
    draw(rows, FIGURE)
    print(f"wrote {PAGE.name} and {FIGURE.name} from {len(rows):,} cells")


if __name__ == "__main__":
    main()
