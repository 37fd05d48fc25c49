"""``python -m ocarina_kit.sandbox``: the server's process, started by :class:`ocarina_kit.sandbox.Sandbox` alone."""

from __future__ import annotations

import sys

from ocarina_kit.sandbox.child import main

if __name__ == "__main__":
    sys.exit(main())
