"""The plots in the docks."""
