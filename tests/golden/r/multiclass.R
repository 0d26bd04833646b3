# Values of tests/metrics/multiclass and tests/metrics/ordinal. R 4.2.2; pROC 1.18.0, vcd 1.4.11
library(pROC)
i <- 0:89
true <- i %% 3
raw <- sapply(0:2, function(j) 1 + sin(i * (j + 1) * 0.7) + 0.9 * (true == j))
scores <- round(raw / rowSums(raw), 2)
colnames(scores) <- 0:2
cat(format(as.numeric(multiclass.roc(factor(true), scores, direction = ">")$auc), digits = 15), "\n")

# Unaided distance vision of 7,477 women, right eye by left eye (Stuart 1953)
library(vcd)
vision <- matrix(c(1520, 234, 117, 36, 266, 1512, 362, 82, 124, 432, 1772, 179, 66, 78, 205, 492), 4)
print(Kappa(vision, weights = "Equal-Spacing"), digits = 13)
print(Kappa(vision, weights = "Fleiss-Cohen"), digits = 13)
