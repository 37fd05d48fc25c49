"""The Typer app: a root whose commands are imported when they are called, and not before."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ocarina_kit.cli import completion, options
from ocarina_kit.cli.commands import COMMANDS

_MODULES = {name: module for name, module, _ in COMMANDS}
_SUMMARIES = {name: summary for name, _, summary in COMMANDS}


class LazyGroup(TyperGroup):
    """Builds a command when it is asked for by name; its list of commands is a literal table."""

    _only_listed = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, completion.named(args))

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The names that ``incomplete`` may become. No command is imported to be listed."""
        self._only_listed = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._only_listed = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _MODULES:
            return None
        if self._only_listed:
            return TyperCommand(cmd_name, short_help=_SUMMARIES[cmd_name])
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _build(cmd_name)
        return self.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, _, summary in COMMANDS])


def _build(name: str) -> Any:
    module = importlib.import_module(f"ocarina_kit.cli.{_MODULES[name]}")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name=name, epilog=getattr(module, "EPILOG", None))(module.command)
    built = typer.main.get_command(app)
    own = {declared for param in built.params for declared in param.opts}
    built.params.extend(param for param in options.ALL if not own & set(param.opts))
    return built


def root() -> Any:
    """The root command, ready to be called with an argument list."""
    app = typer.Typer(
        cls=LazyGroup,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        help="Sets up ocarina, the client of Majora; finds and mends what is broken; keeps its tokens fresh.",
        epilog="A first time? Start with: ocarina-kit init",
    )

    @app.callback(invoke_without_command=True)
    def start(context: typer.Context) -> None:
        options.shared(context)
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    built = typer.main.get_command(app)
    built.params.extend(options.ALL)
    built.params.append(completion.SHOW)
    completion.prepare()
    return built


def click_usage_error() -> type[Exception]:
    """The parser's base of all wrong usage: older typer has it from click, later ones from their own copy."""
    found: type[Exception] = typer.BadParameter.__mro__[2]
    return found


def click_abort() -> type[BaseException]:
    return typer.Abort
