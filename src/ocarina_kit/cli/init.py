"""``ocarina-kit init``: its options. What it does is in init_steps.py."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Context, start
from ocarina_kit.cli.init_settings import ASK, Wish, ask
from ocarina_kit.cli.init_steps import set_up
from ocarina_kit.cli.options import Text, flag, option
from ocarina_kit.cli.ui import Result
from ocarina_kit.config.url import INSTANCES
from ocarina_kit.config.write import check_profile_name
from ocarina_kit.system.problem import Remedy, usage_error

EPILOG = """At a terminal it asks. Without one give everything, by option or by variable: MAJORA_DOMAIN, MAJORA_USER,
CLIENT_ID or MAJORA_CLIENT_ID, CLIENT_SECRET or MAJORA_CLIENT_SECRET, MAJORA_TOKEN.

Examples:
  ocarina-kit init
  ocarina-kit init --instance prod --user NAME --client-id ID --client-secret-file FILE"""

_LARGEST = 10_000
"""Bytes of a secret's file: a larger one holds something else."""


def command(
    ctx: typer.Context,
    *,
    instance: Annotated[
        Literal["prod", "test"] | None,
        option("--instance", None, "The consortium's own Majora."),
    ] = None,
    domain: Annotated[
        Text, option("--domain", "URL", "The address of another Majora.")
    ] = None,
    user: Annotated[
        Text, option("--user", "NAME", "Your user name at that Majora.")
    ] = None,
    client_id: Annotated[
        Text, option("--client-id", "ID", "The client id of your application.")
    ] = None,
    client_secret_file: Annotated[
        Text,
        option("--client-secret-file", "FILE|-", "The file with its client secret."),
    ] = None,
    api_key_file: Annotated[
        Text,
        option(
            "--api-key-file",
            "FILE|-",
            "The file with a legacy API key, in place of OAuth.",
        ),
    ] = None,
    offline: Annotated[
        bool, flag("--offline", "As --config-only, and ask no server about it.")
    ] = False,
    force: Annotated[
        bool, flag("--force", "Write also an id and secret that Majora refuses.")
    ] = False,
    config_only: Annotated[
        bool, flag("--config-only", "Write the configuration only.")
    ] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
) -> Result:
    """Set up ocarina: the one command a new user needs.

    At a terminal it leads from nothing to a scheduled refresh: it installs the client, says how to register ocarina
    at Majora, logs in, and adds one line to the crontab. Run again, it goes on with what is missing.
    """
    context = start(ctx)
    if context.location.profile is not None:
        check_profile_name(context.location.profile)
    if instance is not None and domain is not None:
        remedy = Remedy("Give one of the two.")
        raise usage_error("--instance and --domain both name a Majora.", remedy=remedy)
    if {client_secret_file, api_key_file} == {"-"}:
        remedy = Remedy("Give one of the two.")
        raise usage_error(
            "--client-secret-file and --api-key-file are both standard input (-).",
            remedy=remedy,
        )
    if instance is not None:
        domain = INSTANCES["test" if instance == "test" else "production"]
    texts = {
        "MAJORA_DOMAIN": domain,
        "MAJORA_USER": user,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": _read(context, "CLIENT_SECRET", client_secret_file),
        "MAJORA_TOKEN": _read(context, "MAJORA_TOKEN", api_key_file),
    }
    given = {name: text for name, text in texts.items() if text is not None}
    wish = Wish(offline, force, config_only, yes, dry_run, context.location.from_env)
    # It is written to the file, with --env too.
    return set_up(
        context._replace(location=context.location._replace(from_env=False)),
        given,
        wish,
    )


def _read(context: Context, name: str, file: str | None) -> str | None:
    """The value of a setting, all of a file or of standard input. Raises KitError (usage), which repeats none of it."""
    if file is None:
        return None
    if file == "-" and context.ui.interactive:
        return ask(context.ui, name)
    option = ASK[name].options.split()[0]
    text = context.read(option, file, _LARGEST).strip()
    if len(text.splitlines()) > 1:
        remedy = Remedy("Put the value into it, and nothing else.")
        raise usage_error(
            f"{option} has several lines; one is expected.", remedy=remedy
        )
    return text
