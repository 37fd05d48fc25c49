"""The Django side of the sandbox, only in the server's own process. Its name gives the scopes theirs."""
