"""The tokens: their file, the log, and how one is refreshed, redeemed and revoked without losing it."""
