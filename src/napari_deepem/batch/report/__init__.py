"""The report of a run that picked: a page to look at, and the same as data."""
