"""The doctor's checks: data and pure probes, one module per family, in one ordered registry."""
