"""The client: which one is meant, how it starts, which scopes it asks for, how it is installed. Pure."""
