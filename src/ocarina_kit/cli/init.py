"""``ocarina-kit init``: writes and checks the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ocarina_kit.cli.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocarina_kit.cli.context import Run
    from ocarina_kit.core.config.credentials import Member
    from ocarina_kit.core.config.init_answers import Given
    from ocarina_kit.flows.init import Report

EPILOG = (
    "Without a terminal give everything, by option or by variable: MAJORA_DOMAIN, MAJORA_USER, CLIENT_ID (or "
    "MAJORA_CLIENT_ID), CLIENT_SECRET (or MAJORA_CLIENT_SECRET), MAJORA_TOKEN."
)


def command(
    context: typer.Context,
    *,
    instance: Annotated[
        Literal["prod", "test"] | None, typer.Option("--instance", help="The consortium's own Majora.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="URL", help="The address of any other Majora.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Your user name at that Majora.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option("--client-id", metavar="ID", help="The client id of your application there.")
    ] = None,
    client_secret_file: Annotated[
        str | None,
        typer.Option(
            "--client-secret-file",
            metavar="FILE|-",
            help="A file that holds its client secret; - reads standard input.",
        ),
    ] = None,
    api_key_file: Annotated[
        str | None,
        typer.Option(
            "--api-key-file",
            metavar="FILE|-",
            help="A file that holds a legacy API key, to be used in place of OAuth.",
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the server whether it takes the values.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write id and secret also where the server does not know them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the change.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the change as a diff, and make none.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> Result:
    """Set ocarina up: write its configuration, checked.

    In a terminal it guides you: what you need, how to register ocarina as an application, and each value, checked as
    it is typed. What is in the file already is the default, and everything else in it stays.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.core.errors import KitError
    from ocarina_kit.flows.init import Init, Request
    from ocarina_kit.flows.init_guided import converse

    run = start(context, json=json)
    warnings: list[str] = []
    given = _given(
        run,
        warnings,
        _address(instance, domain),
        {"--user": user, "--client-id": client_id},
        {"--client-secret-file": client_secret_file, "--api-key-file": api_key_file},
    )
    request = Request(given, offline=offline, force=force, yes=yes, dry_run=dry_run, warnings=tuple(warnings))
    init = Init(run.system, run.ui, run.place, request)
    try:
        report = init.run(converse)
    except KitError as error:
        return Result.failed(error, init.report.as_data())
    return _go_on(run, report, dry_run=dry_run)


def _address(instance: str | None, domain: str | None) -> tuple[str, str] | None:
    """The option that names a Majora, and the address it means."""
    from ocarina_kit.core.config.domain import INSTANCES
    from ocarina_kit.core.errors import Remedy, UsageError

    if instance is not None and domain is not None:
        raise UsageError(
            "--instance and --domain were both given.",
            why="Each names a Majora.",
            remedy=Remedy("Give one of them.", ("ocarina-kit init --help",)),
        )
    if instance is not None:
        return "--instance", INSTANCES[instance]
    return None if domain is None else ("--domain", domain)


def _given(
    run: Run,
    warnings: list[str],
    address: tuple[str, str] | None,
    texts: Mapping[str, str | None],
    files: Mapping[str, str | None],
) -> Mapping[Member, Given]:
    """The options' values; what is odd about a file goes to ``warnings``. Raises UsageError for an unreadable one."""
    from ocarina_kit.core.config.credentials import Member
    from ocarina_kit.core.config.init_answers import Given, Source
    from ocarina_kit.core.errors import Remedy, UsageError
    from ocarina_kit.edges.person.secret_input import read_secret

    if list(files.values()).count("-") > 1:
        raise UsageError(
            "Only one of --client-secret-file and --api-key-file can be standard input (-).",
            why="What stands there can be read once.",
            remedy=Remedy("Give the other one a file.", ("ocarina-kit init --help",)),
        )
    members = {
        "--user": Member.USER,
        "--client-id": Member.ID,
        "--client-secret-file": Member.SECRET,
        "--api-key-file": Member.TOKEN,
    }
    given: dict[Member, Given] = {}
    if address is not None:
        given[Member.DOMAIN] = Given(address[1], Source.OPTION, address[0])
    for option, text in texts.items():
        if text is not None:
            given[members[option]] = Given(text, Source.OPTION, option)
    for option, name in files.items():
        if name == "-" and run.ui.interactive:
            what = "Client secret" if option == "--client-secret-file" else "API key"
            given[members[option]] = Given(run.ui.ask_secret(what), Source.OPTION, option)
        elif name is not None:
            read = read_secret(run.system, option, name)
            if read.warning:
                warnings.append(read.warning)
            given[members[option]] = Given(read.text.reveal(), Source.OPTION, option)
    return given


def _go_on(run: Run, report: Report, *, dry_run: bool) -> Result:
    """What comes after the configuration: offered where there is a terminal, else named."""
    from ocarina_kit.cli.boundary import dispatch

    done = Result(data=report.as_data())
    answers = report.answers
    if dry_run or report.declined or answers is None:
        return done
    if answers.api_key is not None:
        run.ui.say("With an API key there is nothing to log in to. Keys expire after 3 days.")
        return done
    steps = (
        ("login", "Log in now, in your browser?"),
        ("schedule", "Keep the tokens fresh from now on, with a crontab entry?"),
    )
    if not run.ui.interactive or run.ui.json:
        run.ui.say("Next: log in, then keep the tokens fresh:")
        for name, _ in steps:
            run.ui.command(report.place.command(name))
        return done
    for name, question in steps:
        run.ui.say()
        if not run.ui.confirm(question):
            run.ui.say("Later, that is:")
            run.ui.command(report.place.command(name))
            continue
        went = dispatch([name, *report.place.options()])  # as a person would have typed it
        if went.error is not None:
            return Result(went.exit, done.data, went.error, went.error_shown)
    return done
