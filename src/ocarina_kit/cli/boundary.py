"""The one error boundary: every way out of the kit passes here, and nothing else exits or prints an error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocarina_kit.cli.render import Ui, json_document
from ocarina_kit.cli.result import Result
from ocarina_kit.core.errors import Exit, KitError, Remedy, UsageError

_NOT_READ = "The command line could not be understood, so nothing was done."


def run(argv: Sequence[str]) -> int:
    """Run the command line ``argv`` (without the program's name); returns the process's exit code."""
    _give_closed_streams_a_place()
    ui = Ui.for_process(json="--json" in argv)
    command = _command_named(argv)
    try:
        result = dispatch(argv)
    except KeyboardInterrupt:
        ui.end_line()
        result = Result.failed(
            KitError(
                "Interrupted; nothing is half-done.",
                id="INT001",
                why="It was stopped by Ctrl-C or a signal.",
                remedy=Remedy("Run it again when it suits you."),
                exit=Exit.INTERRUPTED,
            )
        )
    except KitError as error:
        result = Result.failed(error)
    except BrokenPipeError:
        # The reader went away (`| head`): what is left to say has nobody to hear it.
        _silence_stdout()
        return int(Exit.PROBLEM)
    except ImportError:
        raise  # a broken installation is no bug: __main__ has the words, and the crontab entry its other runner
    except Exception as bug:
        result = Result.failed(_as_bug(bug))
    try:
        if result.error is not None and not result.error_shown:
            ui.error(result.error)
        if ui.json and not result.printed:
            sys.stdout.write(json_document(command, result))
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
    return int(result.exit)


def dispatch(argv: Sequence[str]) -> Result:
    """Run the command line ``argv``; raises what goes wrong: KitError, KeyboardInterrupt, or a bug's exception."""
    from ocarina_kit.cli import app

    try:
        outcome: Any = app.root()(list(argv), prog_name="ocarina-kit", standalone_mode=False)
    except app.click_usage_error() as problem:
        raise _as_usage_error(problem) from None
    except app.click_abort():
        raise KeyboardInterrupt from None
    if isinstance(outcome, Result):
        return outcome
    if outcome == Exit.INTERRUPTED:  # what typer 0.28 makes of a KeyboardInterrupt
        raise KeyboardInterrupt
    if outcome in (None, 0):  # --help and --version
        return Result()
    raise UsageError("Wrong usage.", why=_NOT_READ, remedy=Remedy("See the help.", ("ocarina-kit --help",)))


def _as_usage_error(problem: Any) -> UsageError:
    from ocarina_kit.core.redact import mask_opaque

    context = getattr(problem, "ctx", None)
    path = context.command_path if context is not None else "ocarina-kit"
    message = str(problem.format_message())
    if "unexpected extra argument" in message:  # a secret that was given without an option is not repeated
        message = mask_opaque(message)
    return UsageError(
        message,
        why=_NOT_READ,
        remedy=Remedy("The help lists what this command takes.", (f"{path} --help",)),
    )


def _as_bug(bug: Exception) -> KitError:
    from ocarina_kit.edges.disk.crash_log import write_crash_log

    where = write_crash_log(bug)
    return KitError(
        f"A bug in ocarina-kit: {type(bug).__name__}.",
        id="BUG001",
        why="This is not your doing.",
        remedy=Remedy(f"Please send this log, it holds no secret: {where}"),
        exit=Exit.BUG,
    )


def _command_named(argv: Sequence[str]) -> str:
    """The command's name in ``argv``; the values of the options that stand before it are passed over."""
    from ocarina_kit.cli.commands import NAMES

    words = iter(argv)
    for word in words:
        if word in ("--config", "--profile"):
            next(words, None)
        elif word in NAMES:
            return word
    return ""


def _silence_stdout() -> None:
    """Python flushes standard output once more at exit; give that flush a place to go."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _give_closed_streams_a_place() -> None:
    """A process started with a closed standard stream (``>&-``) must not write into the next file it opens."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # lives as long as we do
