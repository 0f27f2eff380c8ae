"""The docks: thin views of a session, one dock a file."""
