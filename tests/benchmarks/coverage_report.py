"""The coverage study as a page of the docs: `python tests/benchmarks/coverage_report.py [--table FILE]`.

Reads validate/estimation/coverage.csv (or takes a new table and puts it there) and writes docs/statistics/coverage.md and its
figure. Nothing is computed here but what the page says of the table.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "validate/estimation/coverage.csv"
PAGE = ROOT / "docs/statistics/coverage.md"
FIGURE = ROOT / "docs/statistics/coverage.svg"
LOW, HIGH = 0.935, 0.965
NAMES = {
    "delong": "DeLong", "delong_logit": "DeLong, logit", "obuchowski": "Obuchowski", "bootstrap": "Bootstrap, percentile",
    "bootstrap_bca": "Bootstrap, BCa", "wilson_effective_n": "Wilson, effective n",
    "clopper_pearson_effective_n": "Clopper–Pearson, effective n", "jeffreys_effective_n": "Jeffreys, effective n",
    "delong_paired": "DeLong, paired", "obuchowski_paired": "Obuchowski, paired", "tango_paired": "Tango",
    "newcombe_paired": "Newcombe, paired", "bootstrap_paired": "Bootstrap, paired",
}  # fmt: skip
Row = dict[str, str]


def page(rows: list[Row]) -> str:
    """The whole page."""
    simulations = min(int(row["simulations"]) for row in rows)
    parts = [
        HEAD.format(cells=len(rows), simulations=f"{simulations:,}"),
        "## AUROC\n\n" + _by_size([row for row in rows if row["metric"] == "auroc"]),
        "## Proportions (sensitivity, specificity, accuracy)\n\n"
        "Patients are those of the denominator: for a sensitivity, those with the finding.\n\n"
        + _by_size([row for row in rows if row["metric"] == "proportion"]),
        "## Differences of two models on the same cases\n\n"
        "One model at 0.85, the other there too or 0.05 below it, their noise correlated by 0.4 or 0.8. For an AUROC half of the "
        "patients have the finding; of a proportion, patients are those of the denominator.\n\n"
        "### Of AUROCs\n\n"
        + _by_size([row for row in rows if row["metric"] == "auroc_difference"])
        + "\n\n### Of proportions\n\n"
        + _by_size([row for row in rows if row["metric"] == "proportion_difference"]),
        "## Where nominal 95% is not 93.5–96.5%\n\n" + _outside(rows),
        TAIL,
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _by_size(rows: list[Row]) -> str:
    """Per method and number of patients: the share of cells inside, the least and greatest coverage, the greater tail."""
    lines = [
        "| method | patients | cells | within 93.5–96.5% | coverage, least | greatest | misses below, most | misses above, most |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    keys = dict.fromkeys((row["method"], int(row["patients"])) for row in rows)
    for method, patients in sorted(keys, key=lambda key: (list(NAMES).index(key[0]), key[1])):
        mine = [r for r in rows if r["method"] == method and int(r["patients"]) == patients and float(r["none"]) < 0.5]
        if not mine:
            continue
        coverage = [float(r["coverage"]) for r in mine]
        inside = sum(LOW <= c <= HIGH for c in coverage)
        low, high = (max(float(r[name]) for r in mine) for name in ("missed_low", "missed_high"))
        lines.append(
            f"| {NAMES[method]} | {patients:,} | {len(mine)} | {inside} | {min(coverage):.1%} | {max(coverage):.1%} "
            f"| {low:.1%} | {high:.1%} |"
        )
    return "\n".join(lines)


def _outside(rows: list[Row]) -> str:
    """In words, per method: below which size it happens, and how far it goes."""
    lines = []
    for method, name in NAMES.items():
        mine = [r for r in rows if r["method"] == method and float(r["none"]) < 0.5]
        if not mine:
            continue
        narrow = [r for r in mine if float(r["coverage"]) < LOW]
        wide = [r for r in mine if float(r["coverage"]) > HIGH]
        worst = min(mine, key=lambda r: float(r["coverage"]))
        text = f"- **{name}**: {len(narrow)} of {len(mine)} cells cover too seldom, {len(wide)} too often (wider than needed)."
        if narrow:
            text += f" The lowest is {float(worst['coverage']):.1%}, with {_where(worst)}."
            largest = max(narrow, key=lambda r: int(r["patients"]))
            text += f" The largest study in which it covers too seldom has {_where(largest)} ({float(largest['coverage']):.1%})."
        lines.append(text)
    return "\n".join(lines)


def _where(row: Row) -> str:
    word = "with models correlated by" if row["metric"].endswith("difference") else "at a prevalence of"
    prevalence = f" {word} {float(row['prevalence']):g}" if row["prevalence"] else ""
    images = (
        f", {row['images']} images each (correlation {float(row['correlation']):g})" if row["images"] != "1" else ""
    )
    return f"{int(row['patients']):,} patients{prevalence}{images} and a truth of {float(row['truth']):g}"


def draw(rows: list[Row], path: Path) -> None:
    """Coverage against patients, a panel for each method; a dot a cell, in three shades for images a patient."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "coverage", "font.size": 8})
    methods = [m for m in NAMES if any(r["method"] == m for r in rows)]
    columns = 4
    height = -(-len(methods) // columns)
    figure, axes = plt.subplots(height, columns, figsize=(10, 2.5 * height), sharey=True, squeeze=False)
    marks = {"1": ("o", "#0b5d6b"), "3": ("s", "#9a6700"), "10": ("^", "#98a1aa")}
    for axis, method in zip(axes.flat, methods, strict=False):
        axis.axhspan(LOW, HIGH, color="#dbe9eb", zorder=0)
        axis.axhline(0.95, color="#5b6570", linewidth=0.7)
        for images, (mark, colour) in marks.items():
            mine = [r for r in rows if r["method"] == method and r["images"] == images and float(r["none"]) < 0.5]
            spread = {"1": 0.9, "3": 1.0, "10": 1.1}[images]
            axis.plot(
                [int(r["patients"]) * spread for r in mine], [float(r["coverage"]) for r in mine], mark, color=colour,
                markersize=2.6, markeredgewidth=0, label=f"{images} image{'s' if images != '1' else ''} a patient",
            )  # fmt: skip
        axis.set_xscale("log")
        axis.set_title(NAMES[method], fontsize=9, loc="left", fontweight="bold")
        axis.set_xlim(6, 18_000)
        axis.set_xticks([10, 100, 1000, 10_000], ["10", "100", "1,000", "10,000"])
        axis.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        axis.set_ylim(0.65, 1.01)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlabel("patients")
        axis.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0, decimals=0))
    for axis in list(axes.flat)[len(methods) :]:
        axis.set_visible(False)
    for row in axes:
        row[0].set_ylabel("held the truth")
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    handles, labels = axes[0, methods.index("obuchowski")].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


HEAD = """
# How often a 95% interval holds the truth

An interval that says 95% should hold the truth in 95 of 100 studies, and miss it as often on one side as on the other.
Whether it does depends on the method, the number of patients, and how much a patient's images resemble each other. We tried:
{cells} cells, at least {simulations} simulated studies in each (`make coverage`; the seed and everything else are in
`tests/benchmarks/coverage_study.py`). The table travels in the package, and `validate check` warns where a protocol walks
into a region that did not hold.

![Coverage by method and number of patients](coverage.svg)

Each dot is a cell: a truth, a prevalence and a design. The shaded band is 93.5–96.5%. Below it an interval is too narrow, so a
verdict would pass or fail models too easily; above it, it is wider than needed. Studies in which the product gives no
interval (fewer than five patients of a class, for instance) are counted apart, in the column `none` of the table; cells where
that happens in more than half of the studies are left out here. *Misses below*: the truth lay below the lower limit.
"""
TAIL = """
## What this does not cover

Scores are normal within each class with equal spread, and a patient's images all have the same truth. Bootstraps were tried up
to 300 patients with 1,024 replicates; cells that expect fewer than five patients of
a class were not tried. How often a *verdict* passes a model that is only at its goal stands in [verdicts.md](verdicts.md); it is
held by `validate/estimation/adequacy.py`, which refuses to decide where a method would pass too many, with numbers from
`tests/benchmarks/false_pass_study.py`. The whole table: `validate/estimation/coverage.csv`.
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
    print(f"wrote {PAGE.relative_to(ROOT)}, {FIGURE.relative_to(ROOT)} from {len(rows):,} cells")


if __name__ == "__main__":
    main()
