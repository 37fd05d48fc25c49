"""What the kit's own error ids are about, for ``doctor --explain``: those that are no check's."""

from __future__ import annotations

_IDS = {
    "USE001": "The command was given something that it cannot use, or lacks something. Its --help lists "
    "what it takes.",
    "INT001": "You interrupted the command. Files are whole: a write is done, or has not begun.",
    "BUG001": "A fault of ocarina-kit itself. The log that it names holds no secret; please send it.",
    "FIX001": "A file or the crontab was changed by another program between the look and the mend, so it "
    "was left alone. Run doctor --fix again.",
    "LCK001": "The file system cannot lock. Without a lock two processes could spend one refresh token, "
    "and the login would be lost, so nothing is sent. Keep the tokens file elsewhere "
    "(MAJORA_TOKENS_FILE), or have locks enabled.",
    "LCK002": "Another process held the file's lock all the time; on a shared home it may run on another "
    "host. A lock ends with its holder: do not delete the lock file.",
    "FIL001": "A file that should be written belongs to another user.",
    "FIL002": "A folder stands where a file should.",
    "FIL003": "A device, a pipe or a socket stands where a file should.",
    "FIL004": "The folder of a file that should be written does not exist.",
    "FIL005": "A file's name is longer than its file system allows.",
    "FIL006": "Symbolic links lead in a circle.",
    "FIL007": "The system refused to write a file, for a reason that it gave in its own words.",
}
_FAMILIES = {
    "INI": "It is said by init, of what was to be written.",
    "LGN": "It is said by login: of what was pasted, or of what the server said to the grant. The "
    "message names the next step; the link can be had again with ocarina-kit login --print-url.",
    "RFR": "It is said by refresh, of one token: the server refused it or the client, or no usable "
    "answer came. The other tokens are not touched by it.",
    "LGO": "It is said by logout: the server did not confirm that a token is revoked.",
    "SCH": "It is said by schedule, of the crontab or of the line to put there.",
    "INS": "It is said by install-client: nothing half-made was left.",
    "DEM": "It is said by the demo, of one of its own steps or of the folder that it played in. Your own set-up is not "
    "touched by it.",
    "SBX": "It is said by the sandbox, the practice Majora on this machine.",
    "FIL": "A file could not be written; it is as it was.",
    "LCK": "A file's lock could not be had; nothing was changed.",
}


def explain(id: str) -> str | None:
    """What an id of the kit's own is about; None where there is none."""
    if id in _IDS:
        return _IDS[id]
    return _FAMILIES.get(id[:3]) if len(id) == 6 and id[3:].isdigit() else None
