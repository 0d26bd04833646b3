# R survival 3.5.3: medians with limits, curve, log-rank and concordance of tests/stats/test_survival.py
library(survival)
d <- data.frame(
  time   = c(5, 8, 8, 12, 13, 17, 20, 21, 25, 28, 30, 30, 4, 6, 6, 9, 10, 11, 14, 15, 15, 18, 22, 26),
  status = c(1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0),
  group  = rep(c(0, 1), each = 12),
  risk   = c(.4, .2, .5, .3, .1, .6, .2, .3, .4, .1, .2, .3, .9, .7, .8, .6, .5, .7, .4, .8, .6, .5, .5, .7))
options(digits = 15)
print(quantile(survfit(Surv(time, status) ~ group, d), 0.5))
s <- summary(survfit(Surv(time, status) ~ 1, d), times = c(8, 15, 25))
print(s$surv); print(s$lower); print(s$upper); print(s$n.risk)
t <- survdiff(Surv(time, status) ~ group, d); print(t$chisq); print(t$exp); print(t$obs)
print(concordance(Surv(time, status) ~ risk, d, reverse = TRUE)$concordance)
