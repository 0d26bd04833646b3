"""The sealed run folder, set in type: shows, never computes."""
