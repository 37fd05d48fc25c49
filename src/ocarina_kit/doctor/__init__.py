"""The doctor: what a check is, the facts that checks judge, one module a family, and the report."""
