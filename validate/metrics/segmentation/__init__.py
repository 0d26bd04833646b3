"""What is said of a measure over all cases. One statistic is one file; METRICS holds it for each measure that it fits."""
