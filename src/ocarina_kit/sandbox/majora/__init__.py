"""The Django side of the sandbox: lives only in the server's own process."""
