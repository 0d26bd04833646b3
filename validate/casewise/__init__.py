"""Pixels → what is measured of each case; one file a task, with a CASEWISE."""
