"""The command line: its commands, how one is run, and the one place where every error ends.

Reading on from here: `COMMANDS` names a module for each command, `run` calls one and turns whatever happens into
output and an exit code. A command is one module of this package:

    EPILOG = "Examples:\\n  ocarina-kit status --within 6h || ocarina-kit refresh"

    def command(context: typer.Context) -> Result:
        '''One line for the help. Then what matters.'''
        run = start(context)                 # context.py: Run(machine, ui, place), .setup(), .world()
        data = …                             # the one dict that --json prints
        _show(run.ui, data)                  # the view, in the same module
        return Result(data)                  # Result(data, problem) if it failed; or raise KitError

A module of a command is imported when it is called; what is slow to import and not always needed, where it is used.
"""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Sequence
from shlex import quote
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ocarina_kit.cli import options
from ocarina_kit.cli.ui import Result, Ui, json_document
from ocarina_kit.system.problem import (
    Exit,
    KitError,
    Problem,
    Remedy,
    interrupted,
    usage_error,
)

Table = Sequence[tuple[str, str, str, str]]

COMMANDS: Table = (
    ("init", ".init", "Set up ocarina: the one command a new user needs.", "Commands"),
    (
        "login",
        ".login",
        "Log in to Majora: get tokens for what you want to do.",
        "Commands",
    ),
    ("doctor", ".doctor", "Find what is broken, and fix it with --fix.", "Commands"),
    (
        "schedule",
        ".schedule",
        "Refresh the tokens automatically: one crontab line.",
        "Commands",
    ),
    (
        "status",
        ".status",
        "Show how long each token is valid. Offline; for scripts.",
        "Commands",
    ),
    ("refresh", ".refresh", "Refresh the tokens now.", "Commands"),
    (
        "logout",
        ".logout",
        "Revoke tokens at the server and delete them here.",
        "Commands",
    ),
    (
        "install-client",
        ".install_client",
        "Install ocarina, the client itself.",
        "More commands",
    ),
    (
        "demo",
        ".demo",
        "Watch all of this on a practice server, with no account.",
        "More commands",
    ),
    ("sandbox", ".sandbox", "Run a practice Majora on this machine.", "More commands"),
)
"""Name, module (relative to this package), what it does, and its heading in the help."""


def run(argv: Sequence[str], commands: Table = COMMANDS) -> int:
    """Run the command line ``argv`` (without the program's name); returns the exit code of CONTRACT.md.

    The one error boundary: every error ends here, if the command did not show it itself. Raises ImportError alone: a
    broken installation is no bug, and `__main__` has the words for it.
    """
    from ocarina_kit.system.signals import as_interrupts

    ui = Ui.for_process(json="--json" in argv)
    group = root(commands)
    try:
        with as_interrupts():
            result = _call(group, argv, ui)
    except KeyboardInterrupt:
        ui.end_line()
        result = Result(problem=interrupted().problem)
    except KitError as error:
        result = Result(problem=error.problem)
    except ImportError:
        raise
    except Exception as bug:
        result = Result(problem=_unexpected(bug))
    if result.problem is not None and not result.shown:
        ui.error(result.problem)
    if ui.json and not result.printed:
        sys.stdout.write(json_document(group.called, result))
    ui.flush()
    if result.exit == Exit.OK and ui.failed and not ui.quiet:
        return Exit.PROBLEM
    return result.exit


def root(commands: Table = COMMANDS) -> LazyGroup:
    """The parser, ready to be called with an argument list. No command's module is imported yet."""
    options.prepare_completion()
    return LazyGroup(commands)


class LazyGroup(TyperGroup):
    """The root command. It imports a command's module when the command is called."""

    def __init__(self, commands: Table) -> None:
        super().__init__(
            name="ocarina-kit",
            params=[*options.SHARED, options.JSON, options.SHOW_COMPLETION],
            context_settings={"help_option_names": ["--help", "-h"]},
            rich_markup_mode=None,
        )
        self._table = {row[0]: row for row in commands}
        # Its keys are what is listed and suggested; a value is made when it is first asked for.
        self.commands: dict[str, Any] = dict.fromkeys(self._table)
        self.called = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self._table:
            return None
        if self.commands[cmd_name] is None:
            self.commands[cmd_name] = _build(*self._table[cmd_name][:3])
        self.called = cmd_name
        return self.commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """One screen of 80x24, its first lines for a new user."""
        formatter.write("Usage: ocarina-kit COMMAND [OPTIONS]\n")
        formatter.write(
            "Set up ocarina and keep its tokens fresh. New here? Run: ocarina-kit init\n"
        )
        formatter.write_paragraph()
        widest = max(map(len, self._table))
        for heading in dict.fromkeys(row[3] for row in self._table.values()):
            rows = [
                (row[0].ljust(widest), row[2])
                for row in self._table.values()
                if row[3] == heading
            ]
            formatter.write_heading(heading)
            with formatter.indentation():
                formatter.write_dl(rows)
        with formatter.section("Options, before or after the command"):
            shown = [
                param for param in self.get_params(ctx) if param is not options.JSON
            ]
            formatter.write_dl([param.get_help_record(ctx) for param in shown])


class KitCommand(TyperCommand):
    """A command whose help puts its own options first and its examples as they are last."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        own = [
            param.get_help_record(ctx)
            for param in self.get_params(ctx)
            if param not in options.SHARED
        ]
        with formatter.section("Options"):
            formatter.write_dl([record for record in own if record is not None])
        shared = ", ".join(
            " ".join(filter(None, (each.opts[0], each.metavar)))
            for each in options.SHARED
        )
        formatter.write_paragraph()
        formatter.write_text(f"Also: {shared} (ocarina-kit --help)")

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.epilog:
            formatter.write(f"\n{self.epilog.strip()}\n")


def _build(name: str, module: str, summary: str) -> Any:
    found = importlib.import_module(module, __package__)
    app = typer.Typer(
        add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    epilog = getattr(found, "EPILOG", None)
    app.command(name=name, cls=KitCommand, short_help=summary, epilog=epilog)(
        found.command
    )
    built = typer.main.get_command(app)
    built.params.extend([options.JSON, *options.SHARED])
    return built


def _call(group: LazyGroup, argv: Sequence[str], ui: Ui) -> Result:
    """Parse and call. Raises what goes wrong: KitError, KeyboardInterrupt, or a bug's exception."""
    # The base of all wrong usage: older typer has it from click, later ones from their own copy of click.
    wrong_usage: Any = typer.BadParameter.__mro__[2]
    try:
        outcome = group(
            list(argv), prog_name="ocarina-kit", standalone_mode=False, obj=ui
        )
    except wrong_usage as problem:
        raise _usage_error(problem, f"ocarina-kit {group.called}".strip()) from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    if outcome == Exit.INTERRUPTED:  # what typer makes of a KeyboardInterrupt
        raise KeyboardInterrupt
    return (
        outcome if isinstance(outcome, Result) else Result(printed=True)
    )  # else: --help and the like


def _usage_error(problem: Any, path: str) -> KitError:
    """Wrong usage of ``path`` in the kit's words. What was typed may be a secret that was pasted in the wrong place."""
    from ocarina_kit.system.secret import mask, mask_opaque

    message = (
        problem.format_message()
        if isinstance(problem, typer.BadParameter)
        else problem.message
    )
    what = mask_opaque(mask(str(message))).rstrip(".")
    if (
        similar := getattr(problem, "possibilities", None)
    ) and "Did you mean" not in what:
        what += f". Did you mean {similar[0]}?"
    what = what if what.endswith("?") else f"{what}."
    remedy = Remedy("The help lists what there is.", (f"{path} --help",))
    return usage_error(what, why="Nothing was done.", remedy=remedy)


def _unexpected(problem: Exception) -> Problem:
    """The error for a system that gives no more processes, threads, files or memory, and for a bug."""
    scarce = getattr(problem, "errno", None) in (
        errno.EAGAIN,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
    )
    if (
        scarce
        or isinstance(problem, MemoryError)
        or "can't start new thread" in str(problem)
    ):
        return Problem(
            id="SYS001",
            message="The system allows no more processes, open files or memory.",
            why=f"It said: {problem}." if str(problem) else "",
            remedy=Remedy(
                "Close other programs or raise the limits of your account.",
                ("ulimit -a",),
            ),
        )
    from ocarina_kit.system.crash import write_crash_log

    log = write_crash_log(problem)
    remedy = Remedy("Its log could not be written.")
    if log:
        text = "Please send this log, which holds no secret."
        remedy = Remedy(text, (f"cat {quote(log)}",))
    return Problem(
        id="BUG001",
        message=f"This is a bug in ocarina-kit: {type(problem).__name__}.",
        why="You did nothing wrong.",
        remedy=remedy,
        exit=Exit.BUG,
    )
