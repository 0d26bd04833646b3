# Counts the numbers of findings.json once more; read by recount.R, whose functions it uses. What a number is made of stands in
# findings.csv, a line each: a plain estimate, or a count of cases, people, pairs, outputs, mixed sides, marks or masks.
numbers <- read("findings.csv"); of_cases <- read("cases.csv"); left_out <- read("exclusions.csv"); listed <- read("identified.csv")
for (name in c(names(stored), "either", "take", "group.1", "group.2", "group.3", "check", "with.threshold"))
  if (!(name %in% names(numbers))) numbers[[name]] <- NA_character_
by_names <- grep("^by[.]", names(numbers), value = TRUE)
with_of <- function(e, name) number(e[[paste0("with.", name)]])
asked <- function(e, name) e[[paste0("asked.", name)]]
several <- function(text) strsplit(text, "\t", fixed = TRUE)[[1]]
remembered <- new.env()
once <- function(name, make) {
  if (is.null(remembered[[name]])) assign(name, list(make()), envir = remembered)
  remembered[[name]][[1]]
}
named_group <- function(e) paste(c(e$model, e$pass, e$target, e$beside, e$all_but, e$either, e$rule_unreadable, e$rule_failure,
                                   unlist(e[by_names])), collapse = "\r")
group_now <- function(e) once(paste("group", named_group(e)), function() {
  rows <- chosen(e); rows <- rows[rows$rule != "excluded", ]
  c(list(rows = rows), answered(e, rows))
})

# ---- labelled cases: cells, stretches of scores, curves, net benefit, bins
sides_of <- function(e) once(paste("sides", named_group(e)), function() { g <- group_now(e); list(with = sort(g$score[g$positive]), without = sort(g$score[!g$positive])) })
corners <- function(g) {
  at <- stairs(g$score, g$positive); x <- c(0, at$alarms); y <- c(0, at$found); n <- length(x)
  turns <- if (n > 2) c(TRUE, diff(x)[-(n - 1)] * diff(y)[-1] != diff(x)[-1] * diff(y)[-(n - 1)], TRUE) else rep(TRUE, n)
  list(x = x[turns] / sum(!g$positive), y = y[turns] / sum(g$positive))
}
precisions <- function(g) { at <- stairs(g$score, g$positive); list(x = at$found / sum(g$positive), y = at$found / (at$found + at$alarms)) }
drawn <- function(e, points, side) {  # the point of the same place where all are drawn, else the nearest of the curve
  if (length(points$x) == with_of(e, "points")) return(points[[side]][with_of(e, "place") + 1])
  points[[side]][which.min(abs(points$x - with_of(e, "x")) + abs(points$y - with_of(e, "y")))]
}
bins_of <- function(e, g) {
  bins <- with_of(e, "bins")
  if (e$with.equal_counts != "True") return(factor(pmin(floor(g$score * bins), bins - 1), 0:(bins - 1)))
  factor(((rank(g$score, ties.method = "min") - 1) * bins) %/% length(g$score))
}
in_bin <- function(e, name) {
  g <- group_now(e); bins <- once(paste("bins", e$with.bins, e$with.equal_counts, named_group(e)), function() bins_of(e, g))
  place <- with_of(e, "place"); inside <- as.integer(bins) == place + 1; equal <- e$with.equal_counts == "True"
  switch(name, cases = sum(inside), positives = sum(g$positive[inside]), stated = mean(g$score[inside]), observed = mean(g$positive[inside]),
    start = if (equal) min(g$score[inside]) else place / with_of(e, "bins"), end = if (equal) max(g$score[inside]) else (place + 1) / with_of(e, "bins"))
}
stretch <- function(e, sorted) {
  inside <- sorted >= with_of(e, "low") & sorted < with_of(e, "high")
  sum(inside | (e$with.last == "True" & sorted == with_of(e, "high")))
}
benefit <- function(e, name) {
  s <- sides_of(e); own <- length(s$with) / (length(s$with) + length(s$without))
  share <- condition(e, "prevalence", own); at <- condition(e, "threshold_probability"); odds <- at / (1 - at)
  found <- mean(s$with >= at - 1e-12); alarms <- mean(s$without >= at - 1e-12)
  all <- share - (1 - share) * odds; ours <- found * share - alarms * (1 - share) * odds
  switch(name, share = share, treat_all = all, net_benefit = ours, avoided = 100 * (ours - all) / odds)
}
smooth_places <- function(g) {
  from <- order(g$score); stated <- g$score[from]; at <- seq(stated[1], stated[length(stated)], length.out = 101)
  fitted <- smooth_fit(g$score, g$positive)[from]
  pmin(pmax(approx(stated, fitted, at, rule = 2, ties = "ordered")$y, 0), 1)
}
shifted <- function(e, name) {
  g <- group_now(e); stated <- with_of(e, "prevalence"); share <- mean(g$positive)
  times <- share / (1 - share) * (1 - stated) / stated; p <- pmin(pmax(g$score, 1e-12), 1 - 1e-12)
  calibration(e, name, p * times / (p * times + 1 - p), g$positive)
}
given_answers <- function(e) once(paste("answers", named_group(e)), function() {
  rows <- chosen(e); rows <- rows[rows$rule != "excluded", ]; k <- number(e$classes); given <- rows$answer
  given[rows$rule == "worst_case"] <- k; given[rows$rule == "best_case"] <- rows$label[rows$rule == "best_case"]
  list(true = rows$label, given = given, k = k)
})
of_cases_line <- function(e, name) {
  if (name == "cell") { a <- given_answers(e); return(sum(a$true == with_of(e, "true") & a$given == with_of(e, "given"))) }
  if (name == "off_by") { a <- given_answers(e); return(sum(a$given < a$k & a$given - a$true == with_of(e, "off"))) }
  if (startsWith(name, "bin_")) return(in_bin(e, sub("bin_", "", name)))
  if (startsWith(name, "shifted.")) return(shifted(e, sub("shifted.", "", name, fixed = TRUE)))
  if (name %in% c("share", "treat_all", "net_benefit", "avoided")) return(benefit(e, name))
  g <- group_now(e); s <- sides_of(e); f <- g$flagged; p <- g$positive
  threshold <- with_of(e, "threshold")
  switch(name, cases = length(p), positives = sum(p), negatives = sum(!p), true_positives = sum(p & f), false_negatives = sum(p & !f),
    false_positives = sum(!p & f), true_negatives = sum(!p & !f), patients = length(unique(g$rows$patient)),
    patients_missed = length(unique(g$rows$patient[p & !f])), patients_falsely_flagged = length(unique(g$rows$patient[!p & f])),
    surely_missed = sum(p & !f & g$score < threshold / 2), surely_false = sum(!p & f & g$score > (1 + threshold) / 2),
    positives_within = stretch(e, s$with), negatives_within = stretch(e, s$without), within = stretch(e, s$with) + stretch(e, s$without),
    scores_with = s$with, scores_without = s$without, missed_score = s$with[with_of(e, "place") + 1],
    alarm_score = rev(s$without)[with_of(e, "place") + 1],
    roc_across = , roc_up = drawn(e, once(paste("roc", named_group(e)), function() corners(g)), if (name == "roc_up") "y" else "x"),
    roc_corners = length(once(paste("roc", named_group(e)), function() corners(g))$x),
    recall = , precision = drawn(e, once(paste("pr", named_group(e)), function() precisions(g)), if (name == "precision") "y" else "x"),
    smooth = once(paste("smooth", named_group(e)), function() smooth_places(g))[with_of(e, "place") + 1])
}

# ---- everybody of the clean pass, whatever became of them
text_of <- function(table, name) {  # 3.0 is "3", true is "yes", nothing is "missing"
  if (paste0("t.", name) %in% names(table)) { found <- trimws(table[[paste0("t.", name)]]) }
  else if (paste0("b.", name) %in% names(table)) found <- ifelse(table[[paste0("b.", name)]] == "True", "yes", "no")
  else if (paste0("n.", name) %in% names(table)) {
    raw <- table[[paste0("n.", name)]]; x <- number(raw); whole <- !is.na(x) & x == floor(x) & abs(x) < 1e15
    found <- ifelse(whole, sprintf("%.0f", x), raw)
  } else return(rep("missing", nrow(table)))
  ifelse(is.na(found) | found == "", "missing", found)
}
people_of <- function(e) once(paste("people", e$model, e$target), function() {
  rows <- units[units$model == e$model & units$pass == "clean" & units$target == e$target, ]
  reason <- ifelse(is.na(rows$failure), "", rows$failure)
  failed <- rows$status != "ok"; unreadable <- startsWith(reason, "decode:"); labelled <- rows$label_status == "present"
  positive <- labelled & !is.na(rows$label) & rows$label == 1
  refused <- failed & !unreadable & startsWith(reason, "preprocess:")
  rule <- ifelse(unreadable, e$rule_unreadable, e$rule_failure); counts <- !failed | rule %in% c("worst_case", "best_case")
  list(rows = rows, boxes = list(all = rep(TRUE, nrow(rows)), failed = failed, output = !failed, unreadable = unreadable, readable = !unreadable,
    not_sent = refused, sent = !unreadable & !refused, no_output = !unreadable & !refused & failed, no_label = !failed & !labelled,
    labelled = !failed & labelled, analysed = labelled & counts, returned = labelled & counts & failed, failed_labelled = labelled & failed,
    unreadable_labelled = labelled & unreadable, silent_labelled = labelled & failed & !unreadable, positives = positive,
    negatives = labelled & !positive, unlabelled = !labelled, failed_positives = failed & positive,
    failed_negatives = failed & labelled & !positive, failed_unlabelled = failed & !labelled, label_present = labelled,
    label_missing = rows$label_status == "missing", label_indeterminate = rows$label_status == "indeterminate"))
})
classes_of_reference <- function(e, rows) {
  status <- ifelse(rows$label_status == "indeterminate", "indeterminate", "no reference")
  present <- rows$label_status == "present"
  if (e$task %in% c("classification", "multilabel")) word <- ifelse(rows$label == 1, "positive", "negative")
  else if (e$task %in% c("multiclass", "ordinal")) {
    all <- units[units$target == "all" & units$pass == "clean", ]
    word <- several(e$names)[all$label[match(rows$unit, all$unit)] + 1]
  } else word <- rep("with a reference", nrow(rows))
  ifelse(present, word, status)
}
level_of <- function(e, rows, name) once(paste("level", name, e$model, e$target), function() {
  if (name == "reference*") return(classes_of_reference(e, rows))
  plain <- sub("*", "", name, fixed = TRUE); at <- match(rows$unit, of_cases$t.unit)
  if (plain == name) return(text_of(of_cases, plain)[at])
  known <- any(c("t.site", "t.institution", "n.site", "n.institution") %in% names(of_cases))
  found <- if (known) text_of(of_cases, plain)[at] else text_of(listed, "site")[match(rows$unit, listed$t.unit)]
  ifelse(found == "missing", "not said", found)
})
of_people_line <- function(e, name) {
  if (name == "left") return(if (is.na(asked(e, "reason"))) nrow(left_out) else sum(left_out$t.reason == asked(e, "reason")))
  if (name == "identified") {
    out <- listed[listed$b.in_study != "True", ]; column <- out[[if (asked(e, "attribute") == "reference") "t.reference" else "t.site"]]
    column[is.na(column)] <- "not said"
    return(if (is.na(asked(e, "level"))) length(column) else sum(column == asked(e, "level")))
  }
  if (name %in% c("summary", "summed")) {
    attribute <- asked(e, "attribute"); x <- number(of_cases[[paste0("n.", attribute)]]); known <- !is.na(x); patient <- of_cases$t.patient[known]; x <- x[known]
    if (attribute == "age") x <- pmin(x[!duplicated(patient)], 90)
    if (name == "summed") return(length(x))
    return(quantile(x, c(least = 0, lower_quartile = 0.25, median = 0.5, upper_quartile = 0.75, most = 1)[[asked(e, "quarter")]], type = 7, names = FALSE))
  }
  people <- people_of(e); box <- asked(e, "box"); inside <- people$boxes[[box]]
  for (slot in c("group.1", "group.2", "group.3")) if (!is.na(e[[slot]])) {
    pair <- several(e[[slot]]); inside <- inside & level_of(e, people$rows, pair[1]) == pair[2]
  }
  if (!is.null(asked(e, "reason")) && !is.na(asked(e, "reason")))
    inside <- inside & (people$rows[[if (box == "no_label") "label_status" else "failure"]] %in% asked(e, "reason"))
  switch(asked(e, "count"), rows = sum(inside), patients = length(unique(people$rows$patient[inside])), studies = length(unique(people$rows$study[inside])),
    series = length(unique(of_cases$t.series[match(people$rows$unit[inside], of_cases$t.unit)])))
}

# ---- two models; outputs in other passes
of_pairs_line <- function(e, name) {
  with <- asked(e, "truth") == "with"
  right <- function(model) { e$model <- model; g <- group_now(e); keep <- g$positive == with; setNames(g$flagged[keep] == with, g$rows$unit[keep]) }
  one <- right(e$model); other <- right(asked(e, "against"))[names(one)]
  switch(name, rows = length(one), both = sum(one & other), first_only = sum(one & !other), second_only = sum(!one & other), neither = sum(!one & !other))
}
rows_of_pass <- function(e, pass) once(paste("pass", e$model, pass), function() units[units$model == e$model & units$pass == pass, ])
scores_of_pass <- function(e, pass) once(paste("scores", e$model, pass, e$target), function() {
  rows <- rows_of_pass(e, pass); rows <- if (any(rows$target == e$target)) rows[rows$target == e$target, ] else rows[!duplicated(rows$unit), ]
  rows <- rows[rows$status == "ok" & !is.na(rows$score), ]; setNames(rows$score, rows$unit)
})
failed_of_pass <- function(e, pass) { rows <- rows_of_pass(e, pass); rows <- rows[rows$target == e$target | !(e$target %in% rows$target), ]; unique(rows$unit[rows$status != "ok"]) }
turned <- function(e, pass, before = "clean") {
  a <- scores_of_pass(e, before); b <- scores_of_pass(e, pass); both <- intersect(names(a), names(b))
  now <- reaches(e, b[both]); setNames(now, both)[now != reaches(e, a[both])]
}
times_turned <- function(e) once(paste("turned", e$model, e$target, asked(e, "passes")), function() {
  names <- unlist(lapply(several(asked(e, "passes")), function(pass) names(turned(e, pass))))
  sort(as.integer(table(factor(names, names(scores_of_pass(e, "clean"))))), decreasing = TRUE)
})
made_of_pass <- function(e) { rows <- rows_of_pass(e, e$pass); rows[!(rows$unit %in% rows$unit[yes(rows$not_made)]), ] }
largest_change <- function(e) {
  rows <- made_of_pass(e); target <- rows$target
  before <- rows_of_pass(e, if (is.null(asked(e, "before")) || is.na(asked(e, "before"))) "clean" else asked(e, "before"))
  if (!is.null(mirrors) && !is.null(asked(e, "check"))) {
    of_check <- mirrors[mirrors$check %in% asked(e, "check"), ]; at <- match(target, of_check$target); target <- ifelse(is.na(at), target, of_check$mirrored[at])
  }
  max(abs(rows$score - before$score[match(paste(rows$unit, target, sep = "\r"), paste(before$unit, before$target, sep = "\r"))]), na.rm = TRUE)
}
of_outputs_line <- function(e, name) {
  made <- made_of_pass(e); all <- rows_of_pass(e, e$pass)
  whole <- tapply(made$status == "ok", made$unit, all_true); reasons <- made$failure[made$status != "ok" & !duplicated(paste(made$unit, made$status))]
  answers <- function() { s <- scores_of_pass(e, e$pass); s[names(s) %in% made$unit] }
  first <- rows_of_pass(e, "determinism.first")
  switch(name, failed = length(setdiff(failed_of_pass(e, e$pass), failed_of_pass(e, "clean"))),
    to_positive = sum(turned(e, e$pass)), to_negative = sum(!turned(e, e$pass)),
    in_both = length(intersect(names(scores_of_pass(e, "clean")), names(scores_of_pass(e, e$pass)))),
    never_flipped = sum(times_turned(e) == 0), answered_clean = length(scores_of_pass(e, "clean")),
    times_flipped = times_turned(e)[number(asked(e, "place")) + 1],
    made = length(unique(made$unit)), not_made = length(unique(all$unit)) - length(unique(made$unit)),
    not_made_because = sum(all$failure[!duplicated(all$unit)] %in% asked(e, "reason")), largest = largest_change(e),
    stopped = sum(startsWith(reasons, "preprocess:")), refused = sum(!startsWith(reasons, "preprocess:")), answered = sum(whole),
    flagged = sum(reaches(e, answers())), confident = sum(pmax(answers(), 1 - answers()) >= number(asked(e, "confident"))),
    middle = median(answers()), middle_clean = { s <- scores_of_pass(e, "clean"); median(s[names(s) %in% all$unit]) },
    again = length(intersect(first$unit, all$unit)),
    identical = {
      at <- match(paste(all$unit, all$target, sep = "\r"), paste(first$unit, first$target, sep = "\r"))
      same <- all$status == first$status[at] & (all$status != "ok" | all$score %in% NA & is.na(first$score[at]) | all$score == first$score[at])
      sum(tapply(same, all$unit, all_true))
    },
    answers_changed = length(turned(e, e$pass, "determinism.first")))
}
all_true <- function(x) all(x)

# ---- two sides with the same mix of covariates
means_over <- function(e) {
  if (startsWith(asked(e, "of"), "segmentation.")) {
    rows <- group_now_rows(e); parts <- strsplit(asked(e, "of"), ".", fixed = TRUE)[[1]]; own <- measured(e, rows); value <- own$values[[1]]
    goal <- condition(e, "goal")
    return(list(rows = rows[match(own$unit, rows$unit), ], value = switch(parts[2], mean = value, at_least = value >= goal, at_most = value <= goal)))
  }
  name <- short(asked(e, "of"))
  if (startsWith(asked(e, "of"), "detection.")) {
    rows <- group_now_rows(e); g <- marked(e, rows)
    at <- switch(name, lesion_sensitivity = g$lesions$case, case_sensitivity = which(g$abnormal), case_specificity = which(!g$abnormal))
    reached <- reaches(e, if (name == "lesion_sensitivity") g$lesions$score else g$highest[at])
    return(list(rows = rows[at, ], value = as.numeric(if (name == "case_specificity") !reached else reached)))
  }
  if (!startsWith(asked(e, "of"), "classification.")) {  # a share of classes or grades, of each case alone
    rows <- group_now_rows(e); a <- given_answers(e); scores <- class_scores(rows, a$k); e$metric <- asked(e, "of")
    of_one <- function(i) classes(e, a$true[i], a$given[i], a$k, if (!is.null(scores)) scores[i, , drop = FALSE])
    return(list(rows = rows, value = sapply(seq_len(nrow(rows)), of_one)))
  }
  g <- group_now(e); f <- g$flagged; p <- g$positive; every <- rep(TRUE, length(p))
  keep <- switch(name, sensitivity = p, specificity = !p, ppv = f, npv = !f, every)
  value <- switch(name, sensitivity = f, specificity = !f, ppv = p, npv = !p, accuracy = f == p, alert_rate = f, brier = (g$score - p)^2, auroc = g$score)
  list(rows = g$rows[keep, ], value = as.numeric(value[keep]), truth = if (name == "auroc") p)
}
group_now_rows <- function(e) { rows <- chosen(e); rows[rows$rule != "excluded", ] }
mixed_sides <- function(e) once(paste("mix", asked(e, "of"), asked(e, "attribute"), asked(e, "level"), asked(e, "against"), asked(e, "covariates"), named_group(e)), function() {
  m <- means_over(e); of <- m$rows[[paste0("by.", asked(e, "attribute"))]]; m$mine <- of == asked(e, "level")
  m$other <- if (is.na(asked(e, "against"))) !m$mine else of == asked(e, "against")
  m
})
side_mean <- function(m, side, weight) {
  if (is.null(m$truth)) return(sum(m$value[side] * weight[side]) / sum(weight[side]))
  above <- side & m$truth; below <- side & !m$truth
  won <- outer(m$value[above], m$value[below], ">") + outer(m$value[above], m$value[below], "==") / 2
  sum(won * outer(weight[above], weight[below])) / (sum(weight[above]) * sum(weight[below]))
}
apart <- function(m, weight) side_mean(m, m$mine, weight) - side_mean(m, m$other, weight)
of_mix_line <- function(e, name) {
  m <- mixed_sides(e); names <- paste0("by.", several(asked(e, "covariates"))); way <- strsplit(name, ".", fixed = TRUE)[[1]]
  if (way[2] == "raw") return(apart(m, rep(1, length(m$value))))
  if (way[1] == "standardised") {
    if (!length(m$value)) return(if (way[2] == "value") NA else 0)
    cell <- do.call(paste, c(m$rows[names], sep = "\r")); here <- sort(unique(cell))
    mine <- sapply(here, function(one) sum(m$mine & cell == one)); other <- sapply(here, function(one) sum(m$other & cell == one))
    kept <- here[pmin(mine, other) >= 5]
    if (way[2] == "cells") return(length(kept))
    if (way[2] == "covered") return(sum((mine + other)[kept]) / max(sum(mine + other), 1))
    share <- sapply(kept, function(one) sum(cell == one)); share <- share / sum(share)
    return(sum(share * sapply(kept, function(one) mean(m$value[m$mine & cell == one]) - mean(m$value[m$other & cell == one]))))
  }
  every <- units[places_of_units[[key(e)]], ]; every <- every[every$label_status == "present", ]; both <- m$mine | m$other
  columns <- lapply(names, function(name) {
    levels <- unique(every[[name]]); levels <- levels[order(levels == "missing", levels, method = "radix")]
    sapply(levels[-1], function(level) m$rows[[name]][both] == level)
  })
  design <- cbind(1, do.call(cbind, columns)) * 1; truth <- m$mine[both] * 1; n <- length(truth); beta <- numeric(ncol(design))
  penalty <- diag(c(0, rep(1e-4 * n, ncol(design) - 1)), ncol(design))
  for (step in 1:60) {
    p <- 1 / (1 + exp(-drop(design %*% beta))); slope <- drop(t(design) %*% (truth - p)) - drop(penalty %*% beta)
    move <- solve(t(design) %*% (design * (p * (1 - p))) + penalty + diag(1e-12, ncol(design)), slope)
    beta <- beta + move * min(1, 5 / max(abs(move), 1e-12)); if (max(abs(move)) < 1e-11) break
  }
  p <- pmin(pmax(1 / (1 + exp(-drop(design %*% beta))), 0.02), 0.98)
  weight <- numeric(length(m$value)); weight[both] <- ifelse(truth == 1, 1 / p, 1 / (1 - p))
  worth <- function(side) sum(weight[side])^2 / sum(weight[side]^2)
  switch(way[2], value = apart(m, weight), effective = min(worth(m$mine), worth(m$other)), clipped = sum(p <= 0.02 | p >= 0.98))
}

# ---- marks and lesions; masks
mine_of <- function(table, e, what) once(paste("mine", what, key(e)), function() table[table$model == e$model & table$pass == e$pass & table$target == e$target, ])
free_response <- function(e) once(paste("free", named_group(e)), function() {
  g <- marked(e, group_now_rows(e)); hits <- g$lesions$score[g$lesions$score > -Inf]; cuts <- sort(unique(c(hits, g$false$score)), decreasing = TRUE)
  list(x = c(0, sapply(cuts, function(cut) sum(g$false$score >= cut))) / g$n, y = c(0, sapply(cuts, function(cut) sum(hits >= cut))) / nrow(g$lesions))
})
sizes_of <- function(e) once(paste("sizes", named_group(e)), function() { l <- marked(e, group_now_rows(e))$lesions; l <- l[!is.na(l$size), ]; data.frame(size = l$size, found = reaches(e, l$score)) })
of_marks_line <- function(e, name) {
  place <- number(asked(e, "place"))
  if (name %in% c("across", "up")) {
    points <- free_response(e); side <- if (name == "up") "y" else "x"
    if (length(points$x) == number(asked(e, "points"))) return(points[[side]][place + 1])
    return(points[[side]][which.min(abs(points$x - number(asked(e, "x"))) + abs(points$y - number(asked(e, "y"))))])
  }
  if (name == "lesion_size") return(sizes_of(e)$size[place + 1])
  if (name %in% c("size", "size_share")) {
    s <- sizes_of(e); at <- exp(seq(log(min(s$size)), log(max(s$size)), length.out = 41)[place + 1])
    near <- exp(-((log(s$size) - log(at)) / 0.35)^2 / 2)
    return(if (name == "size") at else sum(near[s$found]) / sum(near))
  }
  all <- mine_of(units, e, "units"); m <- mine_of(marks, e, "marks"); l <- mine_of(lesions, e, "lesions")
  if (startsWith(name, "worst_")) {
    m <- m[m$unit == asked(e, "case"), ]; l <- l[l$unit == asked(e, "case") & !yes(l$ignore), ]
    hit <- m[m$verdict == "hit" & (is.na(number(e$threshold)) | reaches(e, m$score)), ]
    wrong <- m$verdict == "false" & (is.na(number(e$threshold)) | reaches(e, m$score))
    return(switch(name, worst_lesions = nrow(l), worst_found = sum(l$lesion %in% hit$lesion), worst_false_marks = sum(wrong)))
  }
  labelled <- all[all$label_status == "present", ]
  switch(name, cases = nrow(labelled), abnormal = sum(labelled$label == 1), normal = sum(labelled$label != 1), failed = sum(labelled$status != "ok"),
    without_reference = nrow(all) - nrow(labelled), lesions = sum(!yes(l$ignore)), ignored_lesions = sum(yes(l$ignore)),
    marks = sum(m$verdict != "unjudged"), hits = sum(m$verdict == "hit"), false = sum(m$verdict == "false"),
    repeated = sum(m$verdict == "repeated"), ignored = sum(m$verdict == "ignored"))
}
pair_columns <- list(volume_difference = c("volume_reference", "volume_prediction"),
                     ejection_fraction_difference = c("ejection_fraction_reference", "ejection_fraction_prediction"))
of_masks_line <- function(e, name) {
  rows <- once(paste("labelled", key(e)), function() { all <- mine_of(units, e, "units"); all[all$label_status == "present", ] }); column <- asked(e, "column"); place <- number(asked(e, "place")) + 1
  ok <- once(paste("ok", key(e)), function() rows[rows$status == "ok", ])
  if (name %in% c("mean", "apart", "bias", "low_limit", "high_limit")) {
    pair <- lapply(paste0("case.", pair_columns[[column]]), function(one) ok[[one]]); keep <- !is.na(pair[[1]]) & !is.na(pair[[2]])
    a <- pair[[1]][keep]; b <- pair[[2]][keep]; width <- qnorm(0.975) * sd(b - a)
    return(switch(name, mean = ((a + b) / 2)[place], apart = (b - a)[place], bias = mean(b - a), low_limit = mean(b - a) - width, high_limit = mean(b - a) + width))
  }
  if (name %in% c("lesions", "found", "cases_with_lesions")) {
    size <- asked(e, "size"); there <- ok[[paste0("case.lesions_reference_", size)]]; found <- ok[[paste0("case.lesions_found_", size)]]
    return(switch(name, lesions = sum(there, na.rm = TRUE), found = sum(found, na.rm = TRUE), cases_with_lesions = sum(there > 0, na.rm = TRUE)))
  }
  if (name == "cases") return(nrow(rows)); if (name == "failed") return(sum(rows$status != "ok"))
  if (name == "empty") return(sum(rows$empty %in% asked(e, "mask")))
  values <- once(paste("masks", column, named_group(e)), function() {
    kept <- group_now_rows(e); own <- measured(e, kept); at <- match(rows$unit, own$unit); own$values[[1]][at]
  })
  known <- values[!is.na(values)]
  switch(name, values = known[place], worst = sort(known, decreasing = e$better != "higher")[place], of_case = values[rows$unit == asked(e, "case")],
    group = {
      by <- paste0("by.", asked(e, "by")); levels <- once(paste("levels", by), function() sort(unique(units[[by]][units$label_status == "present"]), method = "radix"))
      match(rows[[by]][!is.na(values)][place], levels) - 1
    },
    with_value = length(known), without_value = sum(is.na(values)),
    within = { low <- number(asked(e, "low")); high <- number(asked(e, "high")); sum(known >= low & (known < high | (asked(e, "last") == "True" & known <= high))) },
    quantile(known, c(least = 0, lower_quartile = 0.25, median = 0.5, upper_quartile = 0.75, most = 1)[[name]], type = 7, names = FALSE))
}

# ---- a line, and what lines make up
line_of <- function(e) {
  family <- sub("[.].*", "", e$metric); name <- sub("^[a-z]+[.]", "", e$metric)
  if (family == "share") { e$how <- name; return(moved(e)[[e$take]]) }
  own <- switch(family, cases = of_cases_line, people = of_people_line, pairs = of_pairs_line, outputs = of_outputs_line, mix = of_mix_line,
                marks = of_marks_line, masks = of_masks_line)
  if (!is.null(own)) return(own(e, name))
  counted(e)[[if (is.na(e$take)) "value" else e$take]]
}
cramer <- function(cells, wide) {
  t <- matrix(cells, ncol = wide, byrow = TRUE); t <- t[rowSums(t) > 0, colSums(t) > 0, drop = FALSE]; n <- sum(t); r <- nrow(t); k <- ncol(t)
  expected <- outer(rowSums(t), colSums(t)) / n; square <- sum((t - expected)^2 / expected) / n
  sqrt(max(0, square - (r - 1) * (k - 1) / (n - 1)) / (min(r - (r - 1)^2 / (n - 1), k - (k - 1)^2 / (n - 1)) - 1))
}
thousand <- function(name, prevalence, sensitivity, specificity) {
  ill <- 1000 * prevalence; positive <- round(ill); hit <- min(max(round(ill * sensitivity), 0), positive)
  spared <- min(max(round((1000 - ill) * specificity), 0), 1000 - positive)
  right <- prevalence * sensitivity; wrong <- (1 - prevalence) * (1 - specificity)
  switch(name, positive = positive, negative = 1000 - positive, found = hit, missed = positive - hit, left_alone = spared,
    false_alarms = 1000 - positive - spared, flagged = hit + 1000 - positive - spared, alarms_per_found = wrong / right,
    number_needed_to_predict = 1 / (right / (right + wrong) + (1 - prevalence) * specificity / (1 - right - wrong) - 1))
}
made_up <- function(places) {
  found <- lapply(places, function(i) line_of(lapply(columns, `[`, i))); how <- columns$how[places[1]]
  weight <- number(columns$weight[places]); constant <- number(columns$constant[places[1]])
  if (how == "above") return(auroc(c(found[[1]], found[[2]]), rep(c(TRUE, FALSE), c(length(found[[1]]), length(found[[2]])))))
  if (startsWith(how, "restored")) {
    at <- sort(found[[2]], decreasing = TRUE)[max(ceiling(found[[1]] * length(found[[2]]) - 1e-9), 1)]
    return(switch(how, restored = at, restored_sensitivity = mean(found[[2]] >= at), restored_specificity = mean(found[[3]] < at)))
  }
  v <- unlist(found)
  if (length(v) != length(places)) return(NA)
  if (startsWith(how, "thousand.")) return(thousand(sub("thousand.", "", how, fixed = TRUE), constant, v[1], v[2]))
  pairs <- function() { d <- v[c(TRUE, FALSE)] - v[c(FALSE, TRUE)]; d[!is.na(d)] }
  switch(how, sum = sum(weight * v) + constant, ratio = v[1] / v[2], gap = max(v) - min(v), least_of_most = min(v) / max(v),
    wider_gap = max(diff(range(v[weight == 1])), diff(range(v[weight == 2]))), least = min(pairs()), most = max(pairs()),
    unknown_most = (v[1] + v[5]) / (v[2] + v[5]) - v[3] / (v[4] + v[6] - v[5]),
    unknown_least = v[1] / (v[2] + v[6] - v[5]) - (v[3] + v[5]) / (v[4] + v[5]), association = cramer(v, constant))
}
columns <- as.list(numbers); addresses <- unique(numbers$address)
for (places in split(seq_len(nrow(numbers)), factor(numbers$address, addresses))) {
  was <- number(columns$value[places[1]]); now <- tryCatch(made_up(places), error = function(problem) NA)
  if (length(now) != 1 || is.na(now) || abs(now - was) > 1e-9 * max(1, abs(was))) {
    differ <- differ + 1
    cat(columns$address[places[1]], ": stored", format(was, digits = 15), "counted", format(now, digits = 15), "\n")
  }
}
cat(length(addresses), "numbers of findings counted again,", differ, "differ in all\n")
