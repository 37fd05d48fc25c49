"""CFG001, CFG002, CFG003 and CFG012: the configuration file as such."""

from __future__ import annotations

import shlex

from ocarina_kit.checks.config_members import (
    at,
    broken_shown,
    edit_command,
    fix_command,
    not_with_env,
    to_fix,
    to_init,
    written,
)
from ocarina_kit.checks.model import Outcome, fail, ok, warn
from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.config.json_causes import Cause
from ocarina_kit.core.config.lenient_json import Broken
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import ConfigFacts, Facts
from ocarina_kit.core.file_facts import FileFacts, FileKind
from ocarina_kit.core.plan import Chmod, Plan

# --- CFG001 -------------------------------------------------------------------------------------------------


@not_with_env
def there(facts: Facts) -> Outcome:
    config = facts.config
    file = config.file
    if file is None or file.readable:
        return ok(f"{config.place.config} is there and can be read.")
    path = shlex.quote(str(file.path))
    init = config.place.command("init")
    if file.kind is FileKind.MISSING:
        return fail(
            f"There is no configuration file {file.path}.",
            remedy=to_init(config, "init writes it with you."),
        )
    if file.kind is FileKind.FOLDER:
        return fail(
            f"{file.path} is a folder, and should be a file.",
            remedy=Remedy(
                "Move the folder out of the way, then let init write the file.",
                (f"mv {path} {path}.folder", init),
            ),
        )
    if file.kind is FileKind.DANGLING:
        return fail(
            f"{file.path} is a link that leads nowhere: {file.target} is not there.",
            remedy=Remedy(
                "Put the file back where the link leads; or remove the link and let init write a new file.",
                (f"rm {path}", init),
            ),
        )
    if file.kind is FileKind.UNREADABLE and file.ours:
        return fail(
            f"{file.path} cannot be read: {file.problem}.",
            remedy=Remedy("It is yours: let yourself read it.", (f"chmod 600 {path}",)),
        )
    words = {
        FileKind.SPECIAL: "is a device, a pipe or a socket, and should be a file",
        FileKind.TOO_LARGE: "is far too large to be a configuration",
    }.get(file.kind, f"cannot be read: {file.problem or 'no reason was given'}")
    return fail(
        f"{file.path} {words}.",
        remedy=Remedy(
            "Move it out of the way, then let init write the file.", (f"mv {path} {path}.old", init)
        ),
    )


# --- CFG002 -------------------------------------------------------------------------------------------------

_NOTHING_TO_MEND = frozenset({Cause.EMPTY, Cause.BLANK, Cause.NULS, Cause.TOO_LARGE})


@not_with_env
def json_object(facts: Facts) -> Outcome:
    config = facts.config
    document = config.document
    if isinstance(document, Broken):
        if document.cause in _NOTHING_TO_MEND:
            return fail(
                f"{at(config)}{document.words}.",
                remedy=to_init(config, "init writes it anew. What was there is kept as a backup."),
            )
        return fail(
            f"{config.place.config}:{document.line}:{document.column}: {document.words}.",
            remedy=Remedy(
                "What is meant there is not clear, so a person must mend it: in an editor, or anew with init, which "
                "keeps the old file as a backup.",
                (edit_command(config, document.position), config.place.command("init")),
            ),
            excerpt=broken_shown(config),
        )
    if isinstance(document, ConfigDocument) and document.mends:
        first = document.mends[0]
        words = "; ".join(mend.words for mend in document.mends)
        return fail(
            f"{config.place.config}:{first.position.line}:{first.position.column}: {words}.",
            remedy=to_fix(config),
            fix=written(config, document, "write it as the JSON that is meant"),
            excerpt=broken_shown(config),
        )
    return ok(f"{config.place.config} is a JSON object.")


# --- CFG003 -------------------------------------------------------------------------------------------------


@not_with_env
def private(facts: Facts) -> Outcome:
    config = facts.config
    file = config.file
    if file is None or file.mode is None:
        return ok("There is no mode to judge.")
    if file.ours is False:
        return fail(
            f"{file.path} belongs to another user (uid {file.owner}).",
            consequence="Its owner can read your client secret, and put another one in its place.",
            remedy=_take_over(config, file),
        )
    if file.open_to_others:
        return fail(
            f"{file.path} has mode {file.mode:04o}: {_who(file.mode)}.",
            remedy=Remedy(
                "Let nobody but you read and write it (mode 0600).",
                (fix_command(config),),
            ),
            fix=Plan((Chmod(file.path, file.mode, 0o600, "let nobody else read or write it"),)),
        )
    if file.loose_folders:
        folder = file.loose_folders[0]
        return warn(
            f"The folder {folder} lets others put another file in the place of {file.path}.",
            consequence="Whoever can write there can make your ocarina talk to a server of theirs.",
            remedy=Remedy("Take their right to write there.", (f"chmod go-w {shlex.quote(str(folder))}",)),
        )
    return ok(f"Nobody else can read or write {file.path}.")


def _who(mode: int) -> str:
    can = [
        words
        for bits, words in (
            (0o040, "its group can read it"),
            (0o020, "its group can write it"),
            (0o004, "everybody can read it"),
            (0o002, "everybody can write it"),
        )
        if mode & bits
    ]
    return ", ".join(can)


def _take_over(config: ConfigFacts, file: FileFacts) -> Remedy:
    path = shlex.quote(str(file.path))
    return Remedy(
        "Make a copy that is yours; then make a new client secret if you do not trust its owner.",
        (f"mv {path} {path}.foreign", f"install -m 600 {path}.foreign {path}"),
    )


# --- CFG012 -------------------------------------------------------------------------------------------------


@not_with_env
def doubles(facts: Facts) -> Outcome:
    config = facts.config
    document = config.readable
    if document is None or not document.duplicates:
        return ok("No member is given twice.")
    said = [
        f"{config.place.config}:{double.positions[-1].line}:{double.positions[-1].column}: "
        f"{'.'.join(double.path)} is given {len(double.positions)} times, and the last one counts (the first is in "
        f"line {double.positions[0].line})."
        for double in document.duplicates[:5]
    ]
    return warn(
        " ".join(said),
        remedy=Remedy(
            "Take out the ones that you do not mean.",
            (edit_command(config, document.duplicates[0].positions[0]),),
        ),
    )
