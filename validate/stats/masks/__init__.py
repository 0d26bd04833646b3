"""Binary masks on a regular grid: overlap, surfaces and instances, in physical units. Knows no case and no protocol."""
