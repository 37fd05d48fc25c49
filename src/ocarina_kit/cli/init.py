"""``ocarina-kit init``: its options, and what it does without a terminal. At one, guide.py asks and leads on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.options import Text, flag, option
from ocarina_kit.cli.ui import Result
from ocarina_kit.system.errors import KitError, Remedy, usage_error

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.init_config import Known, Wish
    from ocarina_kit.config.setup import Config

EPILOG = """At a terminal it asks. Without one give everything, by option or by variable: MAJORA_DOMAIN, MAJORA_USER,
CLIENT_ID or MAJORA_CLIENT_ID, CLIENT_SECRET or MAJORA_CLIENT_SECRET, MAJORA_TOKEN.

Examples:
  ocarina-kit init
  ocarina-kit init --instance prod --user NAME --client-id ID --client-secret-file FILE"""

_LARGEST = 10_000
"""Bytes of a secret's file: a larger one holds something else."""


def command(
    context: typer.Context,
    *,
    instance: Annotated[
        Literal["prod", "test"] | None, option("--instance", None, "The consortium's own Majora.")
    ] = None,
    domain: Annotated[Text, option("--domain", "URL", "The address of another Majora.")] = None,
    user: Annotated[Text, option("--user", "NAME", "Your user name at that Majora.")] = None,
    client_id: Annotated[
        Text, option("--client-id", "ID", "The client id of your application there.")
    ] = None,
    client_secret_file: Annotated[
        Text, option("--client-secret-file", "FILE|-", "The file with its client secret.")
    ] = None,
    api_key_file: Annotated[
        Text, option("--api-key-file", "FILE|-", "The file with a legacy API key, in place of OAuth.")
    ] = None,
    offline: Annotated[
        bool, flag("--offline", "Write the configuration only, and ask no server about it.")
    ] = False,
    force: Annotated[bool, flag("--force", "Write also an id and secret that Majora refuses.")] = False,
    config_only: Annotated[bool, flag("--config-only", "Write the configuration only.")] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> Result:
    """Set up ocarina: the one command a new user needs.

    At a terminal it leads from nothing to a scheduled refresh: it installs the client, says how to register ocarina
    at Majora, logs in, and adds one line to the crontab. Run again, it goes on with what is missing.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.cli.init_config import Wish
    from ocarina_kit.config.url import INSTANCES
    from ocarina_kit.config.write import check_profile_name

    run = start(context, json=json)
    if run.place.profile is not None:
        check_profile_name(run.place.profile)
    if instance is not None and domain is not None:
        raise usage_error("--instance and --domain exclude each other.", why="Each names a Majora.")
    secrets = {"--client-secret-file": client_secret_file, "--api-key-file": api_key_file}
    if set(secrets.values()) == {"-"}:
        raise usage_error(f"Only one of {' and '.join(secrets)} can be standard input (-).")
    if instance is not None:
        domain = INSTANCES["test" if instance == "test" else "production"]
    texts = {"MAJORA_DOMAIN": domain, "MAJORA_USER": user, "CLIENT_ID": client_id}
    texts["CLIENT_SECRET"], texts["MAJORA_TOKEN"] = (_read(run, *each) for each in secrets.items())
    given = {name: text for name, text in texts.items() if text is not None}
    wish = Wish(offline, force, config_only, yes, dry_run, run.place.from_env)
    run = run._replace(place=run.place._replace(from_env=False))  # it is written to the file, with --env too
    if run.ui.interactive:
        from ocarina_kit.cli.guide import guided

        return guided(run, given, wish)
    return _unasked(run, given, wish)


def _read(run: Run, option: str, name: str | None) -> str | None:
    """The one value in a file, or on standard input. Raises KitError (usage); what was read is never repeated."""
    if name is None:
        return None
    if name == "-" and run.ui.interactive:
        return run.ui.ask_secret("Client secret" if "secret" in option else "API key")
    text = run.read(option, name, _LARGEST).strip()
    if len(text.splitlines()) > 1:
        raise usage_error(f"{option}: one line is expected, with the value and nothing else.")
    return text


def _unasked(run: Run, given: Mapping[str, str], wish: Wish) -> Result:
    """Write the configuration, with nobody to ask. Raises KitError: all that is missing is named at once (exit 2)."""
    from ocarina_kit.cli import init_config as know

    config = know.look(run, wish)
    known = know.gather(run, given, wish)
    replaces = know.is_lost(config) and not (wish.yes or wish.dry_run)
    if known.missing or replaces:
        raise missing_error(config, known, replaces=replaces)
    for words in known.said:
        run.ui.say(f"{words}.")
    values = dict(known.values)
    know.say_verdict(run, know.ask_server(run, values, wish), wish)
    while changes := know.plan(run, config, values)[0]:
        if wish.dry_run or (config.file is not None and config.file.exists):
            know.show(run, changes, values)
        if wish.dry_run:
            run.ui.say("Nothing was changed (--dry-run).")
            return Result()
        try:
            know.write(run, changes)
            break
        except KitError as problem:  # another process wrote it meanwhile: its settings stay, ours are added
            config = know.look(run, wish)
            if problem.id != "FIX001" or know.gather(run, given, wish).values != known.values:
                raise
    know.say_end(run, values, changed=bool(changes))
    return Result()


def missing_error(config: Config, known: Known, *, replaces: bool = False) -> KitError:
    """Everything that is missing or wrong, at once, with the options that give it (exit 2). ``replaces``: the file
    cannot be understood, and nobody has agreed to replace it."""
    from ocarina_kit.cli.init_config import WAYS
    from ocarina_kit.config.findings import findings

    lines = [
        f"{name} {fault.words} ({where}): {WAYS[name]}" if fault else f"{name} is missing: {WAYS[name]}"
        for name, (fault, where) in known.missing.items()
    ]
    ids = [fault.check for fault, _ in known.missing.values() if fault and fault.check]
    if replaces:
        found = next(each for each in findings(config) if each.check == "CFG002")
        lines.append(f"{found.words.text}. To write it again, with a backup of the old one: --yes")
        ids.append(found.check)
    what = "\n".join(["Settings are missing or wrong:", *lines] if len(lines) > 1 else lines)
    remedy = Remedy("Give all of it, or run init at a terminal.", ("ocarina-kit init --help",))
    return usage_error(what, id=ids[0] if ids else "USE001", why="Nothing was written.", remedy=remedy)
