"""One section a file: what it shows, or what is missing and who must supply it."""
