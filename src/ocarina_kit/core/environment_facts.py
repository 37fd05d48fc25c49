"""What was seen of this shell and its folders: facts for ENV006 and ENV008 (edges/look/gather_environment.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ocarina_kit.core.file_facts import FolderFacts

CA_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Those that requests reads, and so ocarina."""
PROXY_VARIABLES = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"),
    *("ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
)
SETUP_VARIABLES = (
    *("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN", "MAJORA_TOKENS_FILE"),
    *("CLIENT_ID", "CLIENT_SECRET", "MAJORA_CLIENT_ID", "MAJORA_CLIENT_SECRET"),
)
"""What the client reads with ``--env``, and only then."""


@dataclass(frozen=True)
class EnvironmentFacts:
    """``variables`` are the names of those that are set here and change what ocarina reads; never their values.

    ``folders`` are those in which files are written, by what each is for.
    """

    variables: frozenset[str] = frozenset()
    folders: Mapping[str, FolderFacts] = field(default_factory=dict)
