"""The command line: one module a command, `app` that starts them, and `ui`, all that people see."""
