# Counts every estimate once more in base R, from the tables beside this file: yes-or-no questions, calibration, classes and grades,
# masks, marks and lesions, what differences, drops and areas are made of, and survival. Run in this folder:  Rscript recount.R
# It prints how many were counted and each that differs, and exits with 1 if any does.
read <- function(name) if (!file.exists(name)) NULL else
  read.csv(name, stringsAsFactors = FALSE, colClasses = "character", na.strings = "", encoding = "UTF-8", check.names = FALSE)
units <- read("units.csv"); stored <- read("estimates.csv"); marks <- read("marks.csv"); lesions <- read("lesions.csv")
mirrors <- read("mirrors.csv"); cohorts <- read("told_apart.csv")
number <- function(x) suppressWarnings(as.numeric(x))
yes <- function(x) !is.na(x) & x == "True"
is_number <- function(name) grepl("^(score|scores[.]|case[.]|label$|answer|rank|place|matched|passed_over|x[.]|fold)", name)
for (name in names(units)) if (is_number(name) && name != "label_status") units[[name]] <- number(units[[name]])
if (!is.null(lesions)) lesions$size <- number(lesions$size)
for (name in names(marks)) if (is_number(name)) marks[[name]] <- number(marks[[name]])
key <- function(rows) paste(rows$model, rows$pass, rows$target, sep = "\r")
places_of_units <- split(seq_len(nrow(units)), key(units))
places_of_marks <- if (is.null(marks)) NULL else split(seq_len(nrow(marks)), key(marks))
places_of_lesions <- if (is.null(lesions)) NULL else split(seq_len(nrow(lesions)), key(lesions))
condition <- function(e, name, otherwise = NA) { value <- number(e[[paste0("with.", name)]]); if (is.na(value)) otherwise else value }
short <- function(metric) sub("^[a-z]+[.]", "", metric)

# ---- yes or no
area_of <- function(above, weight, below) {  # the weight of pairs in the right order, ties half, of the weight of all
  ranked <- sort(below)
  won <- weight * (findInterval(above, ranked, left.open = TRUE) + findInterval(above, ranked)) / 2
  sum(won) / (sum(weight) * length(ranked))
}
auroc <- function(score, positive) area_of(score[positive], rep(1, sum(positive)), score[!positive])
stairs <- function(score, positive) {  # found and false alarms at each score, from the highest down
  from <- order(-score); last <- !duplicated(score[from], fromLast = TRUE)
  list(found = cumsum(positive[from])[last], alarms = cumsum(!positive[from])[last])
}
precision_at_positives <- function(score, positive) {
  at <- stairs(score, positive)
  sum(diff(c(0, at$found)) * at$found / (at$found + at$alarms)) / sum(positive)
}
under <- function(x, y, low, high) {  # straight lines between points, from low to high
  n <- length(x); x0 <- x[-n]; x1 <- x[-1]; y0 <- y[-n]; y1 <- y[-1]
  start <- pmax(x0, low); end <- pmin(x1, high); wide <- end > start
  sum(((end - start) * (y0 + (y1 - y0) * ((start + end) / 2 - x0) / (x1 - x0)))[wide])
}
partial <- function(e, score, positive, standardised) {
  at <- stairs(score, positive)
  rate <- c(0, at$alarms) / sum(!positive); found <- c(0, at$found) / sum(positive)
  if (is.na(condition(e, "fpr_high"))) {
    low <- condition(e, "tpr_low"); high <- condition(e, "tpr_high", 1)
    area <- under(found, 1 - rate, low, high); low_high <- c(1 - high, 1 - low)
  } else {
    low_high <- c(condition(e, "fpr_low", 0), condition(e, "fpr_high"))
    area <- under(rate, found, low_high[1], low_high[2])
  }
  guessed <- diff(low_high^2) / 2
  if (standardised) (1 + (area - guessed) / (diff(low_high) - guessed)) / 2 else area
}
best_at <- function(e, name, score, positive) {
  at <- stairs(score, positive)
  rate <- c(0, at$alarms) / sum(!positive); found <- c(0, at$found) / sum(positive)
  if (name == "sensitivity_at_specificity") max(found[rate <= 1 - condition(e, "specificity") + 1e-9])
  else max(1 - rate[found >= condition(e, "sensitivity") - 1e-9])
}
yes_no <- function(e, name, score, positive, flagged) {
  found <- mean(flagged[positive]); spared <- mean(!flagged[!positive])
  prevalence <- condition(e, "prevalence")
  if (!is.na(prevalence)) {
    right <- if (name == "ppv") found * prevalence else spared * (1 - prevalence)
    wrong <- if (name == "ppv") (1 - spared) * (1 - prevalence) else (1 - found) * prevalence
    return(right / (right + wrong))
  }
  tp <- as.numeric(sum(positive & flagged)); fp <- as.numeric(sum(!positive & flagged))
  fn <- as.numeric(sum(positive & !flagged)); tn <- as.numeric(sum(!positive & !flagged))
  switch(name,
    sensitivity = found, specificity = spared, balanced_accuracy = (found + spared) / 2,
    ppv = mean(positive[flagged]), npv = mean(!positive[!flagged]), accuracy = mean(flagged == positive),
    f1 = 2 * tp / (2 * tp + fp + fn), alert_rate = mean(flagged),
    mcc = (tp * tn - fp * fn) / (sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn)),
    positive_likelihood_ratio = found / (1 - spared), negative_likelihood_ratio = (1 - found) / spared,
    diagnostic_odds_ratio = tp * tn / (fp * fn),
    auroc = auroc(score, positive), average_precision = precision_at_positives(score, positive),
    partial_auroc = partial(e, score, positive, FALSE), standardised_partial_auroc = partial(e, score, positive, TRUE),
    sensitivity_at_specificity = , specificity_at_sensitivity = best_at(e, name, score, positive),
    calibration(e, name, score, positive))
}

# ---- calibration
calibration <- function(e, name, score, positive) {
  n <- length(score); bins <- condition(e, "bins", 10)
  part <- pmin(floor(score * bins), bins - 1)
  odds <- function(risk) risk / (1 - risk)
  inside <- pmin(pmax(score, 1e-6), 1 - 1e-6); logit <- log(inside / (1 - inside))
  exact <- list(epsilon = 1e-15, maxit = 100)
  switch(name,
    brier = mean((score - positive)^2),
    scaled_brier = 1 - mean((score - positive)^2) / (mean(positive) * mean(!positive)),
    ece = sum(abs(tapply(score - positive, part, sum))) / n,
    ece_equal_mass = {
      from <- order(score); tied <- ave(as.numeric(positive), score)
      sum(abs(tapply((score - tied)[from], ((seq_len(n) - 1) * bins) %/% n, sum))) / n
    },
    squared_ece_debiased = sum(tapply(seq_len(n), part, function(i) {
      y <- mean(positive[i])
      if (length(i) < 2) 0 else length(i) * ((mean(score[i]) - y)^2 - y * (1 - y) / (length(i) - 1))
    })) / n,
    net_benefit = {
      risk <- condition(e, "threshold_probability"); treated <- score >= risk
      (sum(positive[treated]) - sum(!positive[treated]) * odds(risk)) / n
    },
    observed_expected_ratio = sum(positive) / sum(score),
    calibration_in_the_large = unname(coef(glm(positive ~ 1 + offset(logit), family = binomial, control = exact))[1]),
    calibration_slope = unname(coef(glm(positive ~ logit, family = binomial, control = exact))[2]),
    ici = mean(smooth_gaps(score, positive)), e50 = median(smooth_gaps(score, positive)),
    e90 = quantile(smooth_gaps(score, positive), 0.9, type = 7, names = FALSE), emax = max(smooth_gaps(score, positive)))
}
smooth_gaps <- function(score, positive) abs(smooth_fit(score, positive) - score)
smooth_fit <- function(score, positive) {  # Cleveland's local parabolas over three quarters of the rows
  x <- sort(unique(score)); place <- match(score, x)
  mass <- as.numeric(tabulate(place, length(x))); seen <- as.numeric(tapply(positive, place, mean))
  if (length(x) > 2000) {
    part <- pmin(floor((cumsum(mass) - mass / 2) / sum(mass) * 2000), 1999)
    joined <- as.numeric(tapply(mass, part, sum))
    x <- as.numeric(tapply(mass * x, part, sum)) / joined; seen <- as.numeric(tapply(mass * seen, part, sum)) / joined
    mass <- joined
  }
  at <- if (length(x) <= 128) x else x[unique(round((0:127) * (length(x) - 1) / 127)) + 1]
  fitted <- sapply(at, function(centre) {
    apart <- abs(x - centre); nearest <- order(apart)
    reach <- apart[nearest[which(cumsum(mass[nearest]) >= max(floor(0.75 * sum(mass) + 1e-5), 1))[1]]]
    share <- if (reach > 0) apart / reach else ifelse(apart > 0, 2, 0)
    weight <- mass * ifelse(share <= 0.001, 1, ifelse(share < 0.999, (1 - pmin(share, 1)^3)^3, 0))
    inside <- weight > 0; unit <- (x[inside] - centre) / max(reach, .Machine$double.xmin)
    degree <- min(2, sum(inside) - 1)
    unname(lm.wfit(outer(unit, 0:degree, "^"), seen[inside], weight[inside])$coefficients[1])
  })
  if (length(at) == 1) rep(fitted, length(score)) else approx(at, fitted, score, rule = 2)$y
}

# ---- classes and grades: from 0; `k` is no answer that counts as wrong
agreement <- function(true, given, k, power) {
  off <- outer(0:(k - 1), 0:k, function(i, j) ifelse(j == k, pmax(i, k - 1 - i), abs(i - j)))
  wrong <- if (power == 0) (off > 0) * 1 else (off / max(k - 1, 1))^power
  seen <- table(factor(true, 0:(k - 1)), factor(given, 0:k))
  1 - sum(seen * wrong) / sum(outer(rowSums(seen), colSums(seen)) / sum(seen) * wrong)
}
classes <- function(e, true, given, k, scores) {
  of <- 0:(k - 1)
  right <- sapply(of, function(c) sum(true == c & given == c))
  there <- sapply(of, function(c) sum(true == c)); said <- sapply(of, function(c) sum(given == c))
  n <- as.numeric(length(true)); no_answer <- n - sum(said)
  between <- function(own, others) { among <- true %in% c(own, others); auroc(scores[among, own + 1], true[among] == own) }
  switch(e$metric,
    multiclass.accuracy = , ordinal.exact_agreement = mean(true == given),
    multiclass.balanced_accuracy = mean(right / there), multiclass.macro_f1 = mean(2 * right / (there + said)),
    multiclass.mcc = (sum(right) * n - sum(there * said)) / sqrt(n^2 - sum(there^2)) / sqrt(n^2 - sum(said^2) - no_answer^2),
    multiclass.macro_auroc = mean(sapply(of, function(c) between(c, setdiff(of, c)))),
    multiclass.hand_till_auroc = mean(unlist(lapply(of, function(c) sapply(setdiff(of, c), function(d) between(c, d))))),
    multiclass.top_k_accuracy = mean(rowSums(scores >= scores[cbind(seq_along(true), true + 1)]) - 1 < condition(e, "k", 3)),
    ordinal.within_one = mean(given < k & abs(true - given) <= 1), ordinal.off_by_one = mean(given < k & abs(true - given) == 1),
    ordinal.off_by_more = mean(given == k | abs(true - given) > 1),
    ordinal.overgraded = mean(given > true), ordinal.undergraded = mean(given == k | given < true),
    multiclass.kappa = agreement(true, given, k, 0), ordinal.linear_kappa = agreement(true, given, k, 1),
    ordinal.quadratic_kappa = agreement(true, given, k, 2))
}

# ---- masks: one value a case, or two
masks <- function(e, a, b) {
  goal <- condition(e, "goal"); middle <- function(x) mean((x - mean(x))^2)
  switch(short(e$metric),
    mean = mean(a), median = median(a), quantile = quantile(a, condition(e, "share"), type = 7, names = FALSE),
    at_least = mean(a >= goal), at_most = mean(a <= goal), lesion_sensitivity = sum(a) / sum(b),
    concordance = 2 * mean((a - mean(a)) * (b - mean(b))) / (middle(a) + middle(b) + (mean(a) - mean(b))^2),
    low = mean(a) - qnorm(0.975) * sd(a), high = mean(a) + qnorm(0.975) * sd(a))
}
of_case <- function(e, column, rows) {  # a failed case counts as the rule says; NA where it has no value
  value <- rows[[paste0("case.", column)]]
  if (startsWith(column, "lesions_reference")) return(value)
  if (startsWith(column, "lesions_found")) {
    best <- rows[[paste0("case.", sub("found", "reference", column))]]; least <- pmin(best, 0)
  } else {
    best <- rep(number(e$best), nrow(rows)); least <- rep(NA_real_, nrow(rows))
    if (!is.na(e$worst)) least <- if (e$worst == "zero") rep(0, nrow(rows)) else rows[["case.diagonal"]]
    if (yes(e$lesions)) least[rows$label != 1] <- NA
  }
  ifelse(rows$rule == "", value, ifelse(rows$rule == "worst_case", least, ifelse(is.na(least), NA, best)))
}
measured <- function(e, rows) {
  columns <- c(e$column, if (!is.na(e$column_2)) e$column_2)
  values <- lapply(columns, function(column) of_case(e, column, rows))
  keep <- Reduce(`&`, lapply(values, function(v) !is.na(v)))
  list(unit = rows$unit[keep], patient = rows$patient[keep], values = lapply(values, function(v) v[keep]))
}

# ---- marks and lesions
marked <- function(e, rows) {
  all_lesions <- lesions[places_of_lesions[[key(e)]], ]; all_marks <- marks[places_of_marks[[key(e)]], ]
  all_lesions$case <- match(all_lesions$unit, rows$unit); all_marks$case <- match(all_marks$unit, rows$unit)
  l <- all_lesions[!is.na(all_lesions$case) & !yes(all_lesions$ignore), ]
  l <- l[order(l$case), ]; l$rule <- rows$rule[l$case]
  m <- all_marks[!is.na(all_marks$case) & rows$rule[all_marks$case] == "", ]
  of_lesion <- function(x) paste(x$unit, x$lesion, sep = "\r")
  hits <- m[m$verdict == "hit", ]
  highest_hit <- tapply(hits$score, of_lesion(hits), max)
  l$score <- as.numeric(highest_hit[of_lesion(l)])
  l$score[is.na(l$score)] <- -Inf
  l$score[l$rule == "worst_case"] <- -Inf; l$score[l$rule == "best_case"] <- Inf
  l$asked <- rep(TRUE, nrow(l))
  for (name in grep("^by[.]", names(lesions), value = TRUE)) if (name %in% names(e) && !is.na(e[[name]]))
    l$asked <- l$asked & xor(l[[name]] == e[[name]], yes(e$all_but))
  n <- nrow(rows); abnormal <- tabulate(l$case, n) > 0
  worst <- rows$rule == "worst_case"; best <- rows$rule == "best_case"
  top <- function(some) { found <- rep(-Inf, n); at <- tapply(some$score, some$case, max); found[as.integer(names(at))] <- at; found }
  false <- m[m$verdict == "false", ]
  highest <- top(m[m$verdict %in% c("hit", "false", "repeated"), ])
  highest[(worst & !abnormal) | (best & abnormal)] <- Inf
  highest_false <- top(false); highest_false[worst] <- Inf
  list(n = n, abnormal = abnormal, highest = highest, highest_false = highest_false, lesions = l, judged = m,
       false = data.frame(score = c(false$score, rep(Inf, sum(worst))), case = c(false$case, which(worst))), worst = which(worst))
}
boxes <- function(g, area) {  # of every box: its score, and by overlap one bit whether it matched or is passed over
  right <- g$lesions[g$lesions$rule == "best_case", ]
  column <- function(rows, name) number(rows[[paste0(name, ".", area)]])
  known <- g$judged[!is.na(g$judged[["matched.0"]]), ]
  found <- data.frame(
    case = c(known$case, g$worst, right$case), score = c(known$score, rep(Inf, length(g$worst) + nrow(right))),
    matched = c(column(known, "matched"), rep(0, length(g$worst)), rep(1023, nrow(right))),
    over = c(column(known, "passed_over"), rep(0, length(g$worst)), ifelse(yes(right[[paste0("counted.", area)]]), 0, 1023)),
    rank = c(known$rank, rep(0, length(g$worst)), ave(right$case, right$case, FUN = seq_along) - 1),
    place = c(known$place, rep(0, length(g$worst)), rep(1, nrow(right))))
  found[order(-found$score, found$place), ]
}
coco <- function(g, name) {
  area <- if (grepl("_small", name)) 0 + 1 else if (grepl("_medium", name)) 2 else if (grepl("_large", name)) 3 else 0
  recall_only <- startsWith(name, "coco.ar")
  most <- if (grepl("^coco.ar[0-9]+$", name)) number(sub("coco.ar", "", name)) else 100
  overlaps <- if (name == "coco.ap50") 0 else if (name == "coco.ap75") 5 else 0:9
  b <- boxes(g, area); b <- b[b$rank < most, ]
  there <- sum(yes(g$lesions[[paste0("counted.", area)]]))
  mean(unlist(lapply(overlaps, function(overlap) {
    at <- b[bitwAnd(b$over, 2^overlap) == 0, ]
    right <- cumsum(bitwAnd(at$matched, 2^overlap) > 0)
    recall <- right / there
    if (recall_only) return(if (length(recall)) recall[length(recall)] else 0)
    precision <- rev(cummax(rev(right / seq_along(right))))
    sapply(c((0:99) * 0.01, 1), function(r) { i <- which(recall >= r)[1]; if (is.na(i)) 0 else precision[i] })
  })))
}
reaches <- function(e, score) if (yes(e$inclusive)) score >= number(e$threshold) else score > number(e$threshold)
of_marks <- function(e, g) {
  name <- short(e$metric); l <- g$lesions[g$lesions$asked, ]
  normal <- g$highest_false[!g$abnormal]
  at_rate <- function(rate) {
    false <- sort(g$false$score, decreasing = TRUE); allowed <- floor(rate * g$n + 1e-9 * g$n)
    mean(l$score > (if (length(false) > allowed) false[allowed + 1] else -Inf))
  }
  if (startsWith(name, "coco.")) return(coco(g, name))
  hit <- sum(reaches(e, l$score)); wrong <- reaches(e, g$false$score); flagged <- reaches(e, g$highest)
  switch(name,
    lesion_sensitivity = hit / nrow(l), precision = hit / (hit + sum(wrong)), f1 = 2 * hit / (hit + sum(wrong) + nrow(l)),
    false_marks_per_case = sum(wrong) / g$n,
    false_marks_per_normal_case = sum(wrong & !g$abnormal[g$false$case]) / sum(!g$abnormal),
    false_marks_per_abnormal_case = sum(wrong & g$abnormal[g$false$case]) / sum(g$abnormal),
    case_sensitivity = mean(flagged[g$abnormal]), case_specificity = mean(!flagged[!g$abnormal]),
    sensitivity_at_rate = at_rate(condition(e, "rate")), mean_sensitivity = mean(sapply(2^(-3:3), at_rate)),
    afroc = area_of(l$score, rep(1, nrow(l)), normal),
    weighted_afroc = area_of(l$score, 1 / tabulate(g$lesions$case, g$n)[l$case], normal),
    highest_rating_auc = area_of(g$highest[g$abnormal], rep(1, sum(g$abnormal)), g$highest[!g$abnormal]))
}

# ---- one plain estimate: its rows, what a case without an output counts as, and the value with its counts
chosen <- function(e) {  # either : a second level, whose rows are meant too
  rows <- units[places_of_units[[key(e)]], ]
  rows <- rows[rows$label_status == "present", ]
  for (name in grep("^by[.]", names(e), value = TRUE)) if (!is.na(e[[name]]) && !(name %in% names(lesions)))
    rows <- rows[xor(rows[[name]] %in% c(e[[name]], if (!is.null(e$either)) e$either), yes(e$all_but)), ]
  rule <- ifelse(rows$status == "ok", "", ifelse(yes(rows$unreadable), e$rule_unreadable, e$rule_failure))
  rows$rule <- ifelse(rule %in% c("", "worst_case", "best_case"), rule, "excluded")
  rows
}
other_side <- function(e) { e$model <- e$beside; e$beside <- NA; e[grep("^by[.]", names(e))] <- NA; e }
answer <- function(value, rows, patients, events, failed, of = NULL) {  # of : the denominator of a share
  found <- list(value = value, n_cases = rows, n_patients = length(unique(patients)), n_events = events, n_failed = failed)
  if (is.null(of)) found else c(found, numerator = if (of > 0) value * of else 0, denominator = of)
}
shares_of_classes <- c("multiclass.accuracy", "multiclass.top_k_accuracy", paste0("ordinal.", c(
  "exact_agreement", "within_one", "off_by_one", "off_by_more", "overgraded", "undergraded")))
answered <- function(e, rows) {  # what is true, the score and the flag of each row, a case without an output as the rule says
  positive <- rows$label == 1; score <- rows$score; threshold <- number(e$threshold)
  high <- positive == (rows$rule == "best_case")
  score[rows$rule != ""] <- ifelse(high, Inf, -Inf)[rows$rule != ""]
  flagged <- if (is.na(threshold)) rows$answer == 1 else reaches(e, score)
  if (length(flagged)) flagged[rows$rule != ""] <- high[rows$rule != ""]
  list(positive = positive, score = score, flagged = flagged)
}
class_scores <- function(rows, k) {  # of each class, a case without an output as the rule says; NULL where the model gives none
  if (!("scores.0" %in% names(rows))) return(NULL)
  scores <- as.matrix(rows[paste0("scores.", 0:(k - 1))]); own <- outer(rows$label, 0:(k - 1), "==")
  for (i in which(rows$rule != "")) scores[i, ] <- ifelse(own[i, ] == (rows$rule[i] == "best_case"), Inf, -Inf)
  scores
}
counted <- function(e) {
  rows <- chosen(e); failed <- sum(rows$status != "ok"); rows <- rows[rows$rule != "excluded", ]
  if (startsWith(e$metric, "segmentation.")) {
    own <- measured(e, rows)
    if (!is.na(e$beside)) {
      other <- other_side(e); theirs <- chosen(other)
      keep <- own$unit %in% measured(other, theirs[theirs$rule != "excluded", ])$unit
      own <- list(unit = own$unit[keep], patient = own$patient[keep], values = lapply(own$values, function(v) v[keep]))
    }
    value <- masks(e, own$values[[1]], if (length(own$values) > 1) own$values[[2]]); n <- length(own$unit)
    return(answer(value, n, own$patient, n, failed, if (short(e$metric) %in% c("at_least", "at_most")) n))
  }
  if (!is.na(e$beside)) { theirs <- chosen(other_side(e)); rows <- rows[rows$unit %in% theirs$unit[theirs$rule != "excluded"], ] }
  n <- nrow(rows)
  if (startsWith(e$metric, "detection.")) {
    g <- marked(e, rows)
    events <- switch(e$events, lesions = sum(g$lesions$asked), positives = sum(g$abnormal), negatives = sum(!g$abnormal), n)
    of <- switch(short(e$metric),
      lesion_sensitivity = events, case_sensitivity = events, case_specificity = events,
      precision = sum(reaches(e, g$lesions$score[g$lesions$asked])) + sum(reaches(e, g$false$score)))
    return(answer(of_marks(e, g), n, rows$patient, events, failed, of))
  }
  if (!startsWith(e$metric, "classification.")) {
    k <- number(e$classes); true <- rows$label; given <- rows$answer
    given[rows$rule == "worst_case"] <- k
    given[rows$rule == "best_case"] <- true[rows$rule == "best_case"]
    of <- if (e$metric %in% shares_of_classes) n
    return(answer(classes(e, true, given, k, class_scores(rows, k)), n, rows$patient, n, failed, of))
  }
  own <- answered(e, rows); positive <- own$positive; flagged <- own$flagged
  events <- switch(e$events, positives = sum(positive), negatives = sum(!positive), flagged = sum(flagged), unflagged = sum(!flagged), n)
  of <- if (is.na(condition(e, "prevalence"))) switch(short(e$metric),
    sensitivity = sum(positive), specificity = sum(!positive), ppv = sum(flagged), npv = sum(!flagged), accuracy = , alert_rate = n)
  answer(yes_no(e, short(e$metric), own$score, positive, flagged), n, rows$patient, events, failed, of)
}

# ---- shares of outputs that moved and of images that were refused; how well two cohorts are told apart
moved <- function(e) {
  own <- units[units$model == e$model, ]
  clean <- own[own$pass == "clean", ]; other <- own[own$pass == e$pass, ]
  other <- other[!(other$unit %in% other$unit[yes(other$not_made)]), ]
  all_ok <- tapply(other$status == "ok", other$unit, all)
  if (e$how == "input_guard") return(list(value = mean(!all_ok), numerator = sum(!all_ok), denominator = length(all_ok)))
  target <- other$target
  if (!is.null(mirrors)) {
    of_check <- mirrors[mirrors$check == e$check, ]; at <- match(target, of_check$target)
    target <- ifelse(is.na(at), target, of_check$mirrored[at])
  }
  before <- clean[match(paste(other$unit, target, sep = "\r"), paste(clean$unit, clean$target, sep = "\r")), ]
  apart <- abs(other$score - before$score) > number(e$allowed)
  hits <- tapply(!is.na(apart) & apart, other$unit, any) | all_ok != tapply(before$status == "ok", other$unit, all)
  list(value = mean(hits), numerator = sum(hits), denominator = length(hits))
}
told_apart <- function(e) {
  rows <- cohorts[cohorts$model == e$model, ]
  x <- as.matrix(sapply(rows[grep("^x[.]", names(rows))], number)); x <- x[, !is.na(x[1, ]), drop = FALSE]
  second <- yes(rows$second); fold <- number(rows$fold); said <- numeric(length(second))
  chance <- function(linear) 1 / (1 + exp(-pmin(pmax(linear, -35), 35)))
  for (f in 0:4) if (any(fold == f)) {
    design <- cbind(1, x[fold != f, , drop = FALSE]); truth <- second[fold != f]; n <- nrow(design)
    weight <- ifelse(truth, n / 2 / max(sum(truth), 1), n / 2 / max(sum(!truth), 1))
    penalty <- diag(c(0, rep(0.01 * n, ncol(x))), ncol(x) + 1); beta <- numeric(ncol(x) + 1)
    for (step in 1:100) {
      p <- chance(drop(design %*% beta))
      slope <- drop(t(design) %*% (weight * (truth - p))) - drop(penalty %*% beta)
      move <- qr.solve(t(design) %*% (design * (weight * p * (1 - p))) + penalty + diag(1e-12, ncol(design)), slope)
      beta <- beta + move * min(1, 5 / max(abs(move), 1e-12))
      if (max(abs(move)) < 1e-11) break
    }
    p <- chance(drop(cbind(1, x[fold == f, , drop = FALSE]) %*% beta)); said[fold == f] <- log(p / (1 - p))
  }
  list(value = auroc(said, second))
}

estimate <- function(lines) {
  e <- lines[1, ]
  if (e$how %in% c("metamorphic", "input_guard")) return(moved(e))
  if (e$how == "told_apart") return(told_apart(e))
  found <- lapply(seq_len(nrow(lines)), function(i) counted(lines[i, ]))
  values <- sapply(found, function(part) part$value)
  if (e$how == "ratio") return(list(value = values[1] / values[2]))
  if (nrow(lines) == 1 && number(e$constant) == 0) return(found[[1]])
  list(value = sum(number(lines$weight) * values) + number(e$constant))
}
differ <- 0
for (lines in split(stored, factor(stored$address, unique(stored$address)))) {
  found <- estimate(lines)
  for (name in names(found)) {
    was <- number(lines[[name]][1]); now <- found[[name]]
    if (is.na(was) && name != "value") next  # a count that was not stored
    if (length(now) != 1 || is.na(now) || abs(now - was) > 1e-9 * max(1, abs(was))) {
      differ <- differ + 1
      cat(lines$address[1], name, ": stored", format(was, digits = 15), "counted", format(now, digits = 15), "\n")
    }
  }
}

# ---- what became of the patients: Kaplan-Meier, numbers at risk, the log-rank test, Harrell's C
patients <- read("survival.csv"); became <- read("survival_stored.csv")
for (name in c("score", "time")) if (!is.null(patients)) patients[[name]] <- number(patients[[name]])
steps_of <- function(all) {
  times <- sort(unique(all$time[all$happened]))
  there <- nrow(all) - findInterval(times, sort(all$time), left.open = TRUE)
  list(times = times, share = c(1, cumprod(1 - tabulate(match(all$time[all$happened], times), length(times)) / there)))
}
log_rank <- function(all) {
  each <- sapply(sort(unique(all$time[all$happened])), function(t) {
    there <- all$time >= t; n <- sum(there); d <- sum(all$time == t & all$happened); share <- sum(there & all$flagged) / n
    c(sum(all$time == t & all$happened & all$flagged), d * share, if (n > 1) d * share * (1 - share) * (n - d) / (n - 1) else 0)
  })
  rowSums(matrix(each, nrow = 3))
}
concordance <- function(all) {
  pairs <- sapply(which(all$happened), function(i) {
    later <- all$time > all$time[i] | (all$time == all$time[i] & !all$happened)
    c(sum(all$score[later] < all$score[i]) + sum(all$score[later] == all$score[i]) / 2, sum(later))
  })
  sum(pairs[1, ]) / sum(pairs[2, ])
}
kept <- new.env()
group_of <- function(one) {  # of one model's patients those that are meant, with their curve, once
  name <- paste(one$model, one$flagged)
  if (is.null(kept[[name]])) {
    all <- patients[patients$model == one$model & !is.na(patients$score) & !is.na(patients$time), ]; all$happened <- yes(all$happened)
    if (!is.na(one$flagged)) all <- all[!is.na(all$flagged) & all$flagged == one$flagged, ]
    all$flagged <- yes(all$flagged); kept[[name]] <- list(all = all, steps = steps_of(all))
  }
  kept[[name]]
}
half_had_it <- function(steps) {  # when half are without it at the most; where just half are for a while, the middle of that while
  share <- steps$share[-1]; first <- which(share <= 0.5 + 1e-12)[1]; below <- which(share < 0.5 - 1e-12)[1]
  if (is.na(below)) steps$times[first] else (steps$times[first] + steps$times[below]) / 2
}
survived <- function(one) {
  group <- group_of(one); all <- group$all; at <- number(one$time); mine <- patients[patients$model == one$model, ]
  switch(one$kind, no_output = sum(is.na(mine$score)), no_follow_up = sum(!is.na(mine$score) & is.na(mine$time)),
    last = max(all$time), median = half_had_it(group$steps), step = group$steps$times[at + 1],
    leaving = sort(unique(all$time[!all$happened]))[at + 1], patients = nrow(all), events = sum(all$happened), steps = length(group$steps$times),
    survival = group$steps$share[findInterval(at, group$steps$times) + 1], at_risk = sum(all$time >= at),
    concordance = concordance(all), observed = log_rank(all)[1], expected = log_rank(all)[2],
    statistic = { sums <- log_rank(all); (sums[1] - sums[2])^2 / sums[3] })
}
for (i in seq_len(if (is.null(became)) 0 else nrow(became))) {
  was <- number(became$value[i]); now <- survived(became[i, ])
  if (is.na(now) || abs(now - was) > 1e-9 * max(1, abs(was))) {
    differ <- differ + 1
    cat(became$address[i], ": stored", format(was, digits = 15), "counted", format(now, digits = 15), "\n")
  }
}
if (!is.null(became)) cat(nrow(became), "numbers of survival counted again\n")
cat(length(unique(stored$address)), "estimates counted again,", differ, "differ\n")
if (file.exists("findings.R")) source("findings.R")
quit(status = if (differ > 0) 1 else 0)
