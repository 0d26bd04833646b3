"""Disturbances of a decoded image in its native units, one physical cause a file; attribute PERTURBATION."""
