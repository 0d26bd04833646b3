# Counts point estimates once more in base R, from the tables beside this file: yes-or-no questions, classes and grades, and what
# is said of masks. Run in this folder:  Rscript recount.R
# It prints how many were counted and each that differs, and exits with 1 if any does.
read <- function(name) read.csv(name, stringsAsFactors = FALSE, colClasses = "character", na.strings = "", encoding = "UTF-8",
                                check.names = FALSE)
units <- read("units.csv")
stored <- read("estimates.csv")
number <- function(x) suppressWarnings(as.numeric(x))

# ---- yes or no
auroc <- function(score, positive) {
  n1 <- sum(positive); n0 <- sum(!positive)
  (sum(rank(score)[positive]) - n1 * (n1 + 1) / 2) / (n1 * n0)
}
precision_at_positives <- function(score, positive) {
  total <- 0
  for (level in unique(score[positive])) {
    above <- score >= level
    total <- total + sum(positive & score == level) * mean(positive[above])
  }
  total / sum(positive)
}
yes_no <- function(name, score, positive, flagged, prevalence) {
  found <- mean(flagged[positive]); spared <- mean(!flagged[!positive])
  if (!is.na(prevalence)) {
    right <- if (name == "ppv") found * prevalence else spared * (1 - prevalence)
    wrong <- if (name == "ppv") (1 - spared) * (1 - prevalence) else (1 - found) * prevalence
    return(right / (right + wrong))
  }
  switch(name,
    sensitivity = found, specificity = spared, balanced_accuracy = (found + spared) / 2,
    ppv = mean(positive[flagged]), npv = mean(!positive[!flagged]), accuracy = mean(flagged == positive),
    f1 = 2 * sum(flagged & positive) / (2 * sum(flagged & positive) + sum(flagged != positive)),
    auroc = auroc(score, positive), average_precision = precision_at_positives(score, positive),
    brier = mean((score - positive)^2),
    ece = sum(abs(tapply(score - positive, pmin(floor(score * 10), 9), sum))) / length(score))
}

# ---- classes and grades: from 0; `k` is no answer that counts as wrong
agreement <- function(true, given, k, power) {
  off <- outer(0:(k - 1), 0:k, function(i, j) ifelse(j == k, pmax(i, k - 1 - i), abs(i - j)))
  wrong <- if (power == 0) (off > 0) * 1 else (off / max(k - 1, 1))^power
  seen <- table(factor(true, 0:(k - 1)), factor(given, 0:k))
  1 - sum(seen * wrong) / sum(outer(rowSums(seen), colSums(seen)) / sum(seen) * wrong)
}
classes <- function(name, true, given, k) {
  of <- 0:(k - 1)
  right <- sapply(of, function(c) sum(true == c & given == c))
  there <- sapply(of, function(c) sum(true == c)); said <- sapply(of, function(c) sum(given == c))
  switch(name,
    multiclass.accuracy = , ordinal.exact_agreement = mean(true == given),
    multiclass.balanced_accuracy = mean(right / there), multiclass.macro_f1 = mean(2 * right / (there + said)),
    ordinal.within_one = mean(given < k & abs(true - given) <= 1), ordinal.off_by_one = mean(given < k & abs(true - given) == 1),
    ordinal.off_by_more = mean(given == k | abs(true - given) > 1),
    ordinal.overgraded = mean(given > true), ordinal.undergraded = mean(given == k | given < true),
    multiclass.kappa = agreement(true, given, k, 0), ordinal.linear_kappa = agreement(true, given, k, 1),
    ordinal.quadratic_kappa = agreement(true, given, k, 2))
}

# ---- masks: one value a case
masks <- function(name, value, lesions, goal, share) switch(name,
  segmentation.mean = mean(value), segmentation.median = median(value),
  segmentation.quantile = quantile(value, share, type = 7, names = FALSE),
  segmentation.at_least = mean(value >= goal), segmentation.at_most = mean(value <= goal),
  segmentation.lesion_sensitivity = sum(value) / sum(lesions),
  segmentation.low = mean(value) - qnorm(0.975) * sd(value), segmentation.high = mean(value) + qnorm(0.975) * sd(value))
of_case <- function(e, rows, rule) {
  value <- number(rows[[paste0("case.", e$column)]])
  there <- if (e$metric == "segmentation.lesion_sensitivity") number(rows[[sub("lesions_found", "lesions_reference", paste0("case.", e$column))]]) else rep(0, nrow(rows))
  least <- rep(NA_real_, nrow(rows)); best <- rep(number(e$best), nrow(rows))
  if (e$metric == "segmentation.lesion_sensitivity") { least <- pmin(there, 0); best <- there }
  else if (!is.na(e$worst)) least <- if (e$worst == "zero") rep(0, nrow(rows)) else number(rows[["case.diagonal"]])
  if (e$lesions == "True") least[number(rows$label) != 1] <- NA
  value[rule == "worst_case"] <- least[rule == "worst_case"]
  value[rule == "best_case"] <- ifelse(is.na(least), NA, best)[rule == "best_case"]
  value[rule == "excluded"] <- NA
  keep <- !is.na(value) & !is.na(there)
  masks(e$metric, value[keep], there[keep], number(e$goal), number(e$share))
}

counted <- function(e) {
  rows <- units[units$model == e$model & units$pass == e$pass & units$target == e$target & units$label_status == "present", ]
  if (!is.na(e$attribute)) rows <- rows[rows[[paste0("by.", e$attribute)]] == e$level, ]
  rule <- ifelse(rows$status == "ok", "", ifelse(rows$unreadable == "True", e$rule_unreadable, e$rule_failure))
  rule[!rule %in% c("", "worst_case", "best_case")] <- "excluded"
  if (startsWith(e$metric, "segmentation.")) return(of_case(e, rows, rule))
  rows <- rows[rule != "excluded", ]; rule <- rule[rule != "excluded"]
  if (!startsWith(e$metric, "classification.")) {
    k <- number(e$classes); true <- number(rows$label); given <- number(rows$answer)
    given[rule == "worst_case"] <- k
    given[rule == "best_case"] <- true[rule == "best_case"]
    return(classes(e$metric, true, given, k))
  }
  positive <- number(rows$label) == 1; score <- number(rows$score); threshold <- number(e$threshold)
  high <- positive == (rule == "best_case")
  score[rule != ""] <- ifelse(high, Inf, -Inf)[rule != ""]
  flagged <- if (is.na(threshold)) number(rows$answer) == 1 else if (e$inclusive == "True") score >= threshold else score > threshold
  flagged[rule != ""] <- high[rule != ""]
  yes_no(sub("classification.", "", e$metric, fixed = TRUE), score, positive, flagged, number(e$prevalence))
}

differ <- 0
for (i in seq_len(nrow(stored))) {
  e <- stored[i, ]
  found <- counted(e); value <- number(e$value)
  if (length(found) != 1 || is.na(found) || abs(found - value) > 1e-9 * max(1, abs(value))) {
    differ <- differ + 1
    cat(e$address, ": stored", format(value, digits = 15), "counted", format(found, digits = 15), "\n")
  }
}
cat(nrow(stored), "estimates counted again,", differ, "differ\n")
quit(status = if (differ > 0) 1 else 0)
