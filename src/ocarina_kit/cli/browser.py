"""Opens a link in the person's browser, if one would open in front of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping

_PATIENCE_S = 3.0
"""Seconds to wait for a browser to start; one that takes longer goes on by itself."""


def is_visible(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether a browser that is started here would be seen: not over SSH, not without a display."""
    if any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")):
        return False
    return platform == "darwin" or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_link(link: str) -> bool:
    """Open ``link``, which holds no secret: it becomes an argument of the browser. Whether one was started.

    Never raises, and never waits for long.
    """
    import webbrowser

    opened: list[bool] = []

    def work() -> None:
        try:
            opened.append(webbrowser.open(link))
        except Exception:  # whatever a desktop's settings do: the link is on the screen too
            opened.append(False)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    return bool(opened and opened[0]) or thread.is_alive()
