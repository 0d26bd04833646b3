# Counts the point estimates of yes-or-no questions once more in base R, from the tables beside this file.
# Run in this folder:  Rscript recount.R      It prints how many were counted and each that differs, and exits with 1 if any does.
units <- read.csv("units.csv", stringsAsFactors = FALSE, colClasses = "character", na.strings = "", encoding = "UTF-8")
stored <- read.csv("estimates.csv", stringsAsFactors = FALSE, colClasses = "character", na.strings = "", encoding = "UTF-8")

auroc <- function(score, positive) {
  ranks <- rank(score)
  n1 <- sum(positive); n0 <- sum(!positive)
  (sum(ranks[positive]) - n1 * (n1 + 1) / 2) / (n1 * n0)
}
measure <- function(name, score, positive, flagged) switch(name,
  sensitivity = mean(flagged[positive]),
  specificity = mean(!flagged[!positive]),
  ppv = mean(positive[flagged]),
  npv = mean(!positive[!flagged]),
  accuracy = mean(flagged == positive),
  f1 = 2 * sum(flagged & positive) / (2 * sum(flagged & positive) + sum(flagged != positive)),
  auroc = auroc(score, positive),
  brier = mean((score - positive)^2))

differ <- 0
for (i in seq_len(nrow(stored))) {
  e <- stored[i, ]
  rows <- units[units$model == e$model & units$pass == e$pass & units$target == e$target & units$label_status == "present", ]
  if (!is.na(e$attribute)) rows <- rows[rows[[paste0("by.", e$attribute)]] == e$level, ]
  positive <- as.numeric(rows$label) == 1
  failed <- rows$status != "ok"
  score <- suppressWarnings(as.numeric(rows$score))
  if (e$missing_rule == "worst_case") score[failed] <- ifelse(positive[failed], -Inf, Inf)
  if (e$missing_rule == "best_case") score[failed] <- ifelse(positive[failed], Inf, -Inf)
  keep <- !is.na(score)
  score <- score[keep]; positive <- positive[keep]
  threshold <- as.numeric(e$threshold)
  flagged <- if (is.na(threshold)) rep(NA, length(score)) else if (e$rule == ">") score > threshold else score >= threshold
  found <- measure(e$metric, score, positive, flagged)
  value <- as.numeric(e$value)
  if (is.na(found) || abs(found - value) > 1e-9 * max(1, abs(value))) {
    differ <- differ + 1
    cat(e$address, ": stored", format(value, digits = 15), "counted", format(found, digits = 15), "\n")
  }
}
cat(nrow(stored), "estimates counted again,", differ, "differ\n")
quit(status = if (differ > 0) 1 else 0)
