"""What scanners, patients and networks do to an image: one physical cause a file, each with a PERTURBATION."""
