"""The command line: parses, calls, renders. Nothing here decides anything about tokens, files or crontabs."""
