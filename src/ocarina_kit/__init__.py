"""ocarina-kit: sets up ocarina, the client of Majora, mends what is broken and keeps its tokens fresh."""

__version__ = "0.1.0"
