"""``init`` and the file: looks at it, makes the change, shows it, and writes it under the lock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ocarina_kit.checks.config import CHECKS
from ocarina_kit.checks.config_file import there
from ocarina_kit.checks.model import Finding, Status
from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.checks.usable import settle
from ocarina_kit.core.config.document import ConfigDocument, NoSuchPlaceError
from ocarina_kit.core.config.init_answers import Answers
from ocarina_kit.core.config.init_plan import hidden_values, planned
from ocarina_kit.core.config.json_causes import Cause
from ocarina_kit.core.config.lenient_json import Broken
from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.core.facts import ConfigFacts, Facts
from ocarina_kit.core.file_facts import FileFacts, FileKind
from ocarina_kit.core.plan import unified
from ocarina_kit.core.redact import mask
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.setup import Place
from ocarina_kit.edges.disk import locks
from ocarina_kit.edges.disk.backups import backup
from ocarina_kit.edges.disk.file_errors import FileFault, of
from ocarina_kit.edges.disk.files import chmod_private, final_target, folder_facts, write_private
from ocarina_kit.edges.look.gather_config import config_facts, tokens_path
from ocarina_kit.edges.system import System

PRIVATE = 0o600


@dataclass(frozen=True)
class Ground:
    """The file as it is now. ``document`` is what of it is kept, with all that has one meaning mended."""

    facts: ConfigFacts
    document: ConfigDocument | None = None
    mends: tuple[Finding, ...] = ()
    broken: Broken | None = None
    """Where nothing can be made of what stands there."""

    @property
    def content(self) -> bytes | None:
        return self.facts.file.content if self.facts.file is not None else None

    @property
    def loses_something(self) -> bool:
        """Whether writing puts away text that a person may want: it takes a yes."""
        return self.broken is not None and self.broken.cause not in (Cause.EMPTY, Cause.BLANK, Cause.NULS)

    @property
    def open_to_others(self) -> bool:
        file = self.facts.file
        return file is not None and file.mode is not None and bool(file.mode & 0o077)


def look(system: System, place: Place) -> Ground:
    """What stands at the place. Raises KitError where no file could be written there, before anybody is asked."""
    facts = config_facts(system, place)
    file = facts.file
    assert file is not None  # noqa: S101  # for mypy: the place is a file's
    path = Path(place.config)
    if file.kind in (FileKind.MISSING, FileKind.DANGLING):
        folder = folder_facts(final_target(path).parent)
        if not folder.exists:
            raise of(FileFault.NO_FOLDER, final_target(path))
        if not folder.writable:
            fault = FileFault.READ_ONLY if folder.problem else FileFault.PERMISSION
            raise of(fault, final_target(path), words=folder.problem)
        return Ground(facts)
    if file.kind is not FileKind.FILE:
        outcome = there(Facts(facts))
        raise KitError(outcome.detail, id="CFG001", why="It was left as it is.", remedy=outcome.remedy)
    if file.ours is False:
        raise of(FileFault.FOREIGN, final_target(path))
    if isinstance(facts.document, Broken):
        return Ground(facts, broken=facts.document)
    settled, mends = settle(facts)
    return Ground(facts, settled.readable, mends)


def change(ground: Ground, profile: str | None, answers: Answers) -> bytes:
    """The file's new content. Raises KitError where something in it stands in the way."""
    try:
        return planned(ground.document, profile, answers).render()
    except NoSuchPlaceError as problem:
        place = ground.facts.place
        name = ".".join(problem.path) or "the file"
        raise KitError(
            f"{place.config}: nothing can be put into {name}: {problem.why}. Nothing was changed.",
            id="CFG011" if problem.path[:1] == ("profile",) else "CFG010",
            why="The file's other members are yours, and init takes none of them away.",
            remedy=Remedy(f"Take {name} out, or make it an object, in an editor; then run init again."),
        ) from None


# --- showing it ---------------------------------------------------------------------------------------------


def diff(ground: Ground, after: bytes, secrets: Iterable[Secret]) -> str:
    """The change, its secrets masked. Of a file that makes no sense nothing is shown: who knows what stands where."""
    known = [*secrets, *_hidden(after)]
    name = str(ground.facts.place.config)
    if ground.broken is not None:
        return mask(unified(b"", after, name), known)
    before = ground.content
    if before is not None and ground.document is not None:
        now = ground.facts.readable
        known += hidden_values(now.value) if now is not None else ()
        before = _as_text(before).encode("utf-8", "surrogatepass")
        known += _pieces(before.decode("utf-8", "replace"), known)
    return mask(unified(before, after, name), known)


def _hidden(content: bytes) -> tuple[Secret, ...]:
    document = ConfigDocument.parse(content)
    return hidden_values(document.value) if isinstance(document, ConfigDocument) else ()


_ENCODINGS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def _as_text(content: bytes) -> str:
    """What was meant by the bytes: in UTF-16 no mask would find a secret."""
    for mark, encoding in _ENCODINGS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    if b"\0" in content[:4]:
        width = "utf-32" if content[:4].count(0) > 2 else "utf-16"
        order = "be" if content[:1] == b"\0" else "le"
        return content.decode(f"{width}-{order}", "replace")
    return content.decode("utf-8", "backslashreplace")


def _pieces(before: str, known: Iterable[Secret]) -> list[Secret]:
    """Parts of a secret that stand alone, such as those of one that is broken over two lines."""
    whole = ["".join(secret.reveal().split()) for secret in known]
    words = {word for word in re.findall(r"[^\s\"'“”‘’,:{}]{4,}", before) if len(word) < 4096}
    return [Secret(word) for word in words if any(len(word) < len(each) and word in each for each in whole)]


def remaining(system: System, ground: Ground, after: bytes) -> tuple[Finding, ...]:
    """What the configuration's own checks would still say of the new content: said as warnings."""
    facts = ground.facts
    file = facts.file
    assert file is not None  # noqa: S101  # for mypy: as in look()
    as_written: FileFacts = replace(file, kind=FileKind.FILE, mode=PRIVATE, ours=True, problem="")
    then = replace(facts, file=as_written).with_content(after)
    folder = folder_facts(tokens_path(system, then.settings).parent)
    found = judge(CHECKS, Facts(replace(then, tokens_folder=folder)), Choice(), stopwatch=lambda: 0.0)
    return tuple(finding for finding in found if finding.status in (Status.WARN, Status.FAIL))


# --- writing it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """``kept`` is where the old content is. ``changed_meanwhile``: nothing was written, and this stands there now."""

    kept: Path | None = None
    changed_meanwhile: Ground | None = None


def write(system: System, ground: Ground, after: bytes, again: Callable[[Ground], bytes | None]) -> Written:
    """Put ``after`` in the place of what was looked at, whole and 0600, the old content kept as a backup.

    Where another process changed the file meanwhile, ``again`` makes the change anew for what stands there now, the
    lock held; None from it writes nothing. Raises KitError (FileError); the file is then as it was.
    """
    place = ground.facts.place
    path = Path(place.config)
    with locks.hold(path):
        now = look(system, place)
        if now.content != ground.content:
            anew = again(now)
            if anew is None:
                return Written(changed_meanwhile=now)
            if anew == now.content:
                return Written()
            after = anew
        kept = None if now.content is None else backup(system, "config", now.content, of=str(path))
        write_private(path, after)
    return Written(kept)


def make_private(ground: Ground) -> None:
    """Let nobody else read or write a file whose content stays. Raises FileError."""
    chmod_private(Path(ground.facts.place.config))
