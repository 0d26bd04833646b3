"""How limits are made, in words: in section R11 and at the foot of the page where limits first stand."""

from __future__ import annotations

METHODS = {
    "bootstrap": "percentile bootstrap of whole clusters",
    "bootstrap_bca": "bias-corrected and accelerated bootstrap of whole clusters",
    "bootstrap_studentised": "studentised bootstrap of whole clusters",
    "delong": "DeLong, for independent rows",
    "delong_logit": "DeLong on the logit scale, for independent rows",
    "obuchowski": "Obuchowski, for clustered rows",
    "wilson_rarer_class": "Wilson score with the patients of the rarer class, since no pair is out of order",
    "wilson": "Wilson score, for independent rows",
    "wilson_effective_n": "Wilson score at the effective number of rows, given the clusters",
    "clopper_pearson": "Clopper–Pearson, for independent rows",
    "clopper_pearson_effective_n": "Clopper–Pearson at the effective number of rows, given the clusters",
    "jeffreys": "Jeffreys, for independent rows",
    "jeffreys_effective_n": "Jeffreys at the effective number of rows, given the clusters",
    "cluster_robust": "logistic model or ratio, errors robust to the clusters",
    "mercaldo_logit": "Mercaldo, on the logit scale",
}
SHORT = {
    "bootstrap": "bootstrap", "bootstrap_bca": "bootstrap, BCa", "bootstrap_studentised": "bootstrap, studentised",
    "bootstrap_paired": "bootstrap, paired", "delong": "DeLong", "delong_logit": "DeLong, logit", "delong_paired": "DeLong, paired",
    "obuchowski": "Obuchowski", "obuchowski_paired": "Obuchowski, paired", "wilson_rarer_class": "Wilson, rarer class",
    "wilson": "Wilson", "wilson_effective_n": "Wilson, effective n", "clopper_pearson": "Clopper–Pearson",
    "clopper_pearson_effective_n": "Clopper–Pearson, effective n", "jeffreys": "Jeffreys",
    "jeffreys_effective_n": "Jeffreys, effective n", "cluster_robust": "cluster-robust", "mercaldo_logit": "Mercaldo, logit",
    "tango": "Tango", "newcombe": "Newcombe", "mover_wilson": "Newcombe, effective n", "mover_obuchowski": "Obuchowski, MOVER",
    "bootstrap_expanded": "bootstrap, expanded",
}  # fmt: skip
WHY = {
    "bootstrap": "Whole patients are drawn again with replacement, as many as there are, and the measure is computed each time; "
    "the limits cut off equal tails. Efron & Tibshirani 1993.",
    "bootstrap_bca": "As the percentile bootstrap, with the tails moved for bias and skew. Efron 1987, doi:10.2307/2289144.",
    "obuchowski": "The variance of an area under the ROC curve whose cases come in clusters. Obuchowski 1997, doi:10.2307/2533958.",
    "delong": "The variance of an area under the ROC curve of independent cases. DeLong 1988, doi:10.2307/2531595.",
    "wilson": "Score limits of a proportion. Wilson 1927, doi:10.2307/2276774.",
    "wilson_effective_n": "Score limits with the number of cases that clustered ones are worth. Wilson 1927; Rao & Scott 1992, "
    "doi:10.2307/2532311.",
    "clopper_pearson": "Exact limits of a proportion. Clopper & Pearson 1934, doi:10.2307/2331986.",
    "cluster_robust": "Errors that hold although cases of a patient are alike. Liang & Zeger 1986, doi:10.2307/2336267.",
}


def footnotes(methods: list[str]) -> list[tuple[str, str]]:
    """Name and explanation of each method that there is one for, in order, once."""
    return [(short(name), WHY[name]) for name in dict.fromkeys(methods) if name in WHY]


def short(name: str) -> str:
    """As it stands in a column."""
    return SHORT.get(name, name.replace("_", " "))
