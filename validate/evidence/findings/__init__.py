"""Which numbers of findings.json are counted a second time, and what each is made of: one file for each analysis, by its name."""
