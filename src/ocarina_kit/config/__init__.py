"""The configuration: its text, what is wrong with a value, and the set-up that the client would use."""
