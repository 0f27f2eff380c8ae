"""The docks: one file a dock, thin views of a session."""
