"""Where a new token goes when its own file cannot be written after all, and how it comes back from there.

By then the old refresh token is spent, so the new pair is the only one there is (CONTRACT.md, Files).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from pathlib import Path

from ocarina_kit.core.errors import KitError
from ocarina_kit.core.tokens import TokenFile
from ocarina_kit.edges.files import make_private_folder, read_file, write_private
from ocarina_kit.edges.system import System


def rescue_path(system: System, tokens: Path) -> Path:
    """Where the next run looks: in the state folder, by the tokens file's path."""
    name = f"tokens-{zlib.crc32(os.fsencode(tokens)):08x}.json"
    return system.state_dir / "rescue" / name


def save(system: System, tokens: Path, rescued: TokenFile) -> Path:
    """Keep ``rescued``, 0600, in the state folder, else in a folder of its own for temporary files; returns where.

    Raises :class:`~ocarina_kit.core.errors.KitError` where even that cannot be written.
    """
    try:
        path = rescue_path(system, tokens)
        make_private_folder(make_private_folder(system.state_dir) / "rescue")
        earlier = read(system, tokens)
        if earlier is not None:
            for entry in earlier.entries:
                if rescued.get(entry.key) is None:
                    rescued = rescued.with_entry_of(earlier, entry.key)
        write_private(path, rescued.render())
    except KitError:
        folder = Path(tempfile.mkdtemp(prefix="ocarina-kit-"))  # 0700
        path = folder / "tokens.json"
        write_private(path, rescued.render())
    return path


def read(system: System, tokens: Path) -> TokenFile | None:
    """What was rescued from the state folder and not yet put back; None where nothing is."""
    content = read_file(rescue_path(system, tokens)).content
    if content is None:
        return None
    found = TokenFile.parse(content)
    return found if found.entries else None


def drop(system: System, tokens: Path) -> None:
    """Forget what was rescued: it is in its own file now."""
    with contextlib.suppress(OSError):
        rescue_path(system, tokens).unlink(missing_ok=True)
