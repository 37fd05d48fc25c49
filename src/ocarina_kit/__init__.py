"""ocarina-kit: sets up ocarina, the command line client of Majora, finds what is broken and keeps its tokens fresh."""

__version__ = "0.1.0"
