"""A notebook's way in: metrics with intervals from tables, without a protocol."""
