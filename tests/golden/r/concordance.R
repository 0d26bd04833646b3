# Lin's concordance correlation (doi:10.2307/2532051) of the first readings of Bland & Altman 1986, moments over n.
# R 4.2.2: 0.9427424314
x <- c(494,395,516,434,476,557,413,442,650,433,417,656,267,478,178,423,427)
y <- c(512,430,520,428,500,600,364,380,658,445,432,626,260,477,259,350,451)
n <- length(x)
k <- (n - 1) / n
print(2 * cov(x, y) * k / (var(x) * k + var(y) * k + (mean(x) - mean(y))^2), digits = 10)
