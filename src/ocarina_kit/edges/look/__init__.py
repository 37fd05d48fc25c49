"""Looking, and only looking: gathers the facts that the checks judge."""
