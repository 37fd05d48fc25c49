"""Opens a link in the person's browser, where there is one to see it in."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping

_PATIENCE = 3.0
"""Seconds to wait for a browser to start; what takes longer goes on by itself."""


def can_be_seen(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether a browser that is started here would open before the person: not over SSH, not without a display."""
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
        except Exception:  # whatever a desktop's settings bring about, the link stands on the screen
            opened.append(False)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return bool(opened and opened[0]) or thread.is_alive()
