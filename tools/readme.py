"""A build hook of hatchling: README.md as a package index shows it, where relative links lead nowhere.

``OCARINA_KIT_PAGES`` at build time is the address of the project's files at the release's tag, such as
``https://HOST/OWNER/ocarina-kit/blob/v0.1.0``: links become absolute. Without it they become plain text, and pictures
are left out.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)\s]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Sets the project's ``readme``, which is dynamic in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        pages = os.environ.get("OCARINA_KIT_PAGES", "")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": for_an_index(text, pages),
        }


def for_an_index(text: str, pages: str) -> str:
    """``text`` with its relative links made absolute under ``pages``; a picture's has ``raw`` in place of ``blob``."""

    def absolute(found: re.Match[str]) -> str:
        mark, words, path = found.groups()
        base = pages.rstrip("/")
        if not base:
            return "" if mark else words
        return f"{mark}[{words}]({base.replace('/blob/', '/raw/') if mark else base}/{path})"

    return _LINK.sub(absolute, text)
