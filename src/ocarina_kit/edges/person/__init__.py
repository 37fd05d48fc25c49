"""The person: terminal, browser, what they hand in, and the signals they send."""
