"""Pictures in the docks: micrographs and boxes in rows and tables."""
