"""The tokens file, what a refresh makes of it, and what is said of it. Pure."""
