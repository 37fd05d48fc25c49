"""The Django side of the sandbox, used only in the server's own process.

The scopes begin with the name of this package.
"""
