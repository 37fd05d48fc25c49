"""Finding and installing the client."""
