"""What a sandbox is told when it starts. One process serves one sandbox, so there is one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Options:
    minimum_client: str = "0.44.0"
    """The oldest client that the API takes (FACTS.md)."""
    query_scope: str = "majora2.view_biosampleartifact"
    """What the sample queries ask of a token; blank: any living token will do."""
    shows_codes: bool = False
    """Whether the start page shows the second factor's code, in place of a phone. For ``ocarina-kit sandbox``."""


OPTIONS = Options()
