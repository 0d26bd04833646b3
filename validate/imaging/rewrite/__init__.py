"""Other files that hold the same image: rewritten before they are decoded; attribute REWRITING."""
