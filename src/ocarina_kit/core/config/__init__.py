"""The configuration: from its bytes to what its members mean, and what ``init`` makes of it. Pure."""
