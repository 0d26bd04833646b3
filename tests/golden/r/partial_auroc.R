# Values in tests/metrics/classification/test_golden.py: R 4.2.2, pROC 1.18.0. Run: Rscript partial_auroc.R
suppressMessages(library(pROC))
i <- 1:100
positive <- (i * i) %% 7 < 3
score <- round(((37 * i) %% 101) / 101 + 0.25 * positive, 2)
found <- roc(positive, score, levels = c(FALSE, TRUE), direction = "<", quiet = TRUE)
area <- function(range, focus, correct = FALSE)
  as.numeric(auc(found, partial.auc = range, partial.auc.focus = focus, partial.auc.correct = correct))
cat(sprintf("%.12f\n", c(
  area(c(1, 0.8), "specificity"), area(c(1, 0.8), "specificity", TRUE) / 1,
  area(c(0.95, 0.7), "specificity"),
  area(c(0.8, 1), "sensitivity"), area(c(0.8, 1), "sensitivity", TRUE))))
