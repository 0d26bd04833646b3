"""One figure a file: view data → one self-contained SVG, drawn by hand in one house style."""
