"""What init knows of the configuration before anybody is asked, the server's word on it, and the write.

A value comes from an option, otherwise a variable, otherwise the file that exists (CONTRACT.md, init).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config import jsontext
from ocarina_kit.config.findings import findings
from ocarina_kit.config.place import Setup
from ocarina_kit.config.setup import Setting, from_environment, profiles, settled, tokens_path
from ocarina_kit.config.url import endpoint, judge_domain, server_of
from ocarina_kit.config.values import SECRET_LENGTH, Fault, are_swapped, judge, token_kind
from ocarina_kit.config.write import plan_settings
from ocarina_kit.majora.api import Majora
from ocarina_kit.majora.messages import Ways, check_of, client_error, net_error
from ocarina_kit.system.change import apply_to_file, chmod, difference
from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.system.files import prove_space
from ocarina_kit.system.secret import Secret
from ocarina_kit.system.words import tilde
from ocarina_kit.tokens.log import note_use
from ocarina_kit.tokens.store import plan_aside

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.config.setup import Config
    from ocarina_kit.majora.api import Probe
    from ocarina_kit.system.change import Change

WAYS = {
    "MAJORA_DOMAIN": "--instance prod|test or --domain URL",
    "MAJORA_USER": "--user NAME",
    "MAJORA_TOKEN": "--api-key-file FILE",
    "CLIENT_ID": "--client-id ID",
    "CLIENT_SECRET": "--client-secret-file FILE",
}
"""The options for each setting."""
SAME = "is the same as the client id: one of them was pasted twice"


class Wish(NamedTuple):
    """How this run goes. ``from_env`` (--env): the environment is the set-up, and the file's values are no defaults."""

    offline: bool = False
    force: bool = False
    config_only: bool = False
    yes: bool = False
    dry_run: bool = False
    from_env: bool = False


class Known(NamedTuple):
    """What is known without asking a person. ``values``: those that can be used, as they would be written.

    ``missing``: the other settings that are needed, with the fault of what was found, and where that was found.
    ``given``: settings whose value comes from an option or a variable. ``said``: what was repaired in those.
    """

    values: dict[str, str]
    missing: dict[str, tuple[Fault | None, str]]
    given: frozenset[str] = frozenset()
    said: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Known({sorted(self.values)}, missing {sorted(self.missing)})"


# --- what is known ------------------------------------------------------------------------------------------------


def gather(run: Run, given: Mapping[str, str], wish: Wish, *, without_key: bool = False) -> Known:
    """The settings, each from an option (``given``), else a variable, else the file; judged.

    ``without_key``: a legacy key in the file does not count. Of the file no id, secret or key is taken where another
    Majora is named: each has its own, and they are not sent to another server.
    """
    environ, pair = run.machine.environ, {"CLIENT_ID", "CLIENT_SECRET"}
    here = {name: each for name, each in from_environment(environ).items() if each.path}
    for name in pair - here.keys():
        if text := environ.get(f"MAJORA_{name}"):
            here[name] = Setting(name, text, f"variable MAJORA_{name}")
    here |= {name: Setting(name, text, WAYS[name].partition(" ")[0]) for name, text in given.items()}
    file = {} if wish.from_env else _in_file(settled(run.config())[0])
    domains = [each["MAJORA_DOMAIN"].text for each in (here, file) if "MAJORA_DOMAIN" in each]
    if len({server_of(judge_domain(each).text) for each in domains} - {""}) == 2:
        file = {name: each for name, each in file.items() if name in ("MAJORA_DOMAIN", "MAJORA_USER")}
    found = {**file, **here}
    kind = token_kind(found["MAJORA_TOKEN"].text) if "MAJORA_TOKEN" in found else "oauth"
    if "MAJORA_TOKEN" not in here:  # an id or secret that is given now says that OAuth is meant
        is_key = kind == "key" and not without_key and not pair & here.keys()
    else:
        is_key = "MAJORA_TOKEN" in given or (kind in ("key", "placeholder") and not pair & given.keys())
    known = _judged(found, frozenset(here), is_key=is_key)
    if wish.from_env and "MAJORA_TOKENS_FILE" in here:
        known.values["MAJORA_TOKENS_FILE"] = here["MAJORA_TOKENS_FILE"].text
    return known


def _in_file(config: Config) -> dict[str, Setting]:
    """What the file says. A profile that does not exist yet is a set-up of its own: of the layers below it only the
    object "default" counts, as the top level is mostly another Majora's."""
    if config.readable is None:
        return {}
    profile = config.place.profile
    new = profile is not None and profile not in profiles(config.readable.value)
    found = {name: each for name, each in config.settings.items() if each.path and each.text}
    return {name: each for name, each in found.items() if not new or each.path[0] == "default"}


def _judged(found: Mapping[str, Setting], here: frozenset[str], *, is_key: bool) -> Known:
    values = {"MAJORA_TOKEN": "OAUTH"}
    missing: dict[str, tuple[Fault | None, str]] = {}
    said: list[str] = []
    pair = ("CLIENT_ID", "CLIENT_SECRET")
    # Beside a key they are fillers, but what is given now is written.
    others = ["MAJORA_TOKEN", *(name for name in pair if name in here)] if is_key else pair
    for name in ("MAJORA_DOMAIN", "MAJORA_USER", *others):
        setting = found.get(name)
        text = setting.text if setting is not None else ""
        value = judge(name, text)
        bad = value.fault
        if name == "MAJORA_TOKEN" and token_kind(text) in ("oauth", "other spelling"):
            bad = Fault("CFG008", "is the word OAUTH, not an API key")
        if bad is not None:
            missing[name] = (bad, setting.origin) if setting is not None else (None, "")
            continue
        values[name] = value.text
        if name in here:
            said += [f"{name} {repair}" for repair in value.repairs]
            said += [f"{name} {each.words}" for each in value.faults if each.warning and not each.check]
    if not is_key and values.keys() >= set(pair):
        if values["CLIENT_ID"] == values["CLIENT_SECRET"]:
            missing["CLIENT_SECRET"] = (Fault("CFG009", SAME), found["CLIENT_SECRET"].origin)
            del values["CLIENT_SECRET"]
        elif are_swapped(values["CLIENT_ID"], values["CLIENT_SECRET"]):
            said.append(swap(values))
    return Known(values, missing, here & values.keys(), tuple(said))


def swap(values: dict[str, str]) -> str:
    """Swap id and secret; returns the words for it."""
    values["CLIENT_ID"], values["CLIENT_SECRET"] = values["CLIENT_SECRET"], values["CLIENT_ID"]
    return "CLIENT_ID and CLIENT_SECRET were swapped; corrected"


# --- the server's word --------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    """``word``: ``accepted``, ``refused``, ``unknown`` (no usable answer) or ``not asked``; ``error`` says more."""

    word: str
    error: KitError | None = None


def ask_server(run: Run, values: dict[str, str], wish: Wish) -> Verdict:
    """Whether Majora accepts id and secret, or the key. Swaps the two where it accepts them so."""
    if wish.offline:
        return Verdict("not asked")
    with run.ui.waiting(f"Asking {values['MAJORA_DOMAIN']}", 20.0):
        if uses_key(values):
            return _of_key(run, values)
        verdict = _of_client(run, values)
        if verdict.word == "refused" and len(values["CLIENT_SECRET"]) != SECRET_LENGTH:
            said = swap(values)
            if _of_client(run, values).word == "accepted":
                run.ui.say(f"{said}.")
                return Verdict("accepted")
            swap(values)
        return verdict


def _of_client(run: Run, values: Mapping[str, str]) -> Verdict:
    domain, ways = values["MAJORA_DOMAIN"], Ways(init=run.place.command("init"))
    probe = Majora(run.machine, domain, values["CLIENT_ID"], Secret(values["CLIENT_SECRET"])).probe_client()
    if probe.kind == "known":
        return Verdict("accepted")
    if probe.kind == "unknown":
        said = f"I{probe.words[1:]}."  # "it answered …"
        return Verdict("refused", client_error(said, domain=domain, ways=ways))
    if probe.kind == "other-grant":
        what = "Majora accepts them, but the application has another grant type, so no login will work."
        return Verdict("accepted", KitError(what, id="CRD001", why="Set it to Authorization code."))
    return no_majora(domain, probe)


def _of_key(run: Run, values: Mapping[str, str]) -> Verdict:
    domain, user = values["MAJORA_DOMAIN"], values["MAJORA_USER"]
    probe = Majora(run.machine, domain).probe_key(Secret(values["MAJORA_TOKEN"]), user, None)
    if probe.kind == "accepted":
        return Verdict("accepted")
    if probe.kind != "refused":
        return no_majora(domain, probe)
    what = f"Majora does not accept this API key for {user}."
    remedy = Remedy(f"Get a new one at {endpoint(domain, 'keys')}, or use OAuth.")
    why = "A key is one user's, and expires after 3 days."
    return Verdict("refused", KitError(what, id="API002", why=why, remedy=remedy))


def no_majora(domain: str, probe: Probe) -> Verdict:
    """No usable answer: what was met in place of a Majora."""
    id = check_of(probe.net) if probe.net is not None else "SRV004"
    remedy = net_error(probe.net, domain=domain).remedy if probe.net is not None else Remedy()
    what = f"No Majora answers at {domain}: {probe.words}."
    return Verdict("unknown", KitError(what, id=id, remedy=remedy))


def say_verdict(run: Run, verdict: Verdict, wish: Wish) -> None:
    """Say what the server said. Raises KitError for a "no", unless it was forced."""
    error = verdict.error
    if verdict.word == "refused" and error is not None and not wish.force:
        raise error
    if error is not None:
        note = " Written anyway (--force)." if verdict.word == "refused" else ""
        words = " ".join(filter(None, (error.what, error.why, error.remedy.text)))
        run.ui.warn(f"{words}{note} [{error.id}]")
    elif verdict.word == "accepted":
        run.ui.say("Majora accepts them.")


# --- the change -----------------------------------------------------------------------------------------------------


def look(run: Run, wish: Wish) -> Config:
    """The file as it is. Raises KitError where none can be written there, before anybody is asked for anything."""
    config = run.config()
    if config.file is not None and config.file.kind not in ("file", "missing", "dangling"):
        found = findings(config)[0]
        raise KitError(found.words.text, id=found.check, why="It was left as it is.", remedy=found.remedy)
    if not wish.dry_run:
        prove_space(run.place.config, 1).discard()
    return config


def plan(run: Run, config: Config, values: Mapping[str, str]) -> tuple[list[Change], Config]:
    """The changes that put ``values`` into the file ``config``, and the configuration after them.

    Where they name another Majora, the tokens of the one before are set aside (CONTRACT.md, Files). Says what is
    corrected in the file, and what stays odd.
    """
    changes = plan_settings(run.machine, run.place, values)
    file = config.file
    if file is None:
        raise AssertionError("init writes a file, with --env too")
    content = changes[0].after if changes else file.content
    document = jsontext.read(content)
    if not changes and file.open_to_others:
        changes = [chmod(file.path, file.mode, "make it readable only by you (0600)")]
    before, corrected = settled(config)
    for finding in corrected:
        run.ui.say(f"Corrected: {finding.words.text}. [{finding.check}]")
    if not isinstance(document, jsontext.Document):
        return changes, config
    after = config._replace(file=file._replace(kind="file", mode=None)).with_document(document)
    for finding in findings(after):
        if finding.status in ("warn", "fail"):
            run.ui.warn(f"{finding.words.text}. [{finding.check}]")
    tokens, domain = tokens_path(run.machine, after.settings), values["MAJORA_DOMAIN"]
    if server_of(before.text("MAJORA_DOMAIN")) not in ("", server_of(domain)) and not after.uses_api_key:
        aside = plan_aside(run.machine, Setup(run.place, domain, values["MAJORA_USER"], tokens))
        changes += [aside] if aside is not None else []
    return changes, after


def show(run: Run, changes: Sequence[Change], values: Mapping[str, str]) -> None:
    """The changes as a diff."""
    run.ui.diff(difference(changes, run.machine, (values.get("CLIENT_SECRET", ""),)))


def write(run: Run, changes: Sequence[Change]) -> None:
    """Make the changes, one after another, and say so. Raises KitError; the file that failed is as it was then."""
    home, aside = run.machine.home, False
    for change in changes:
        path = tilde(change.path, home)
        with run.ui.waiting(f"Writing {path}", 90.0) as say:
            backup = apply_to_file(run.machine, change, say)
        note = f"; backup: {tilde(backup, home)}" if backup is not None else ""
        if change.what == "set aside":
            aside = True
            run.ui.status("set aside", f"{path}, the tokens of the other Majora{note}")
        else:
            run.ui.status("wrote", f"{path}, readable only by you{note}")
    if aside:
        note_use(run.machine, run.setup(), "init")


def say_end(run: Run, values: Mapping[str, str], *, changed: bool) -> None:
    """The end of a run that writes the configuration only: the next step."""
    if not changed:
        file = tilde(run.place.config, run.machine.home)
        run.ui.say(f"Nothing to change: {file} has these settings already.")
    if uses_key(values):
        run.ui.say("A legacy API key expires after 3 days, and nothing refreshes it.")
    else:
        run.ui.next_step(run.place.command("login"))


def uses_key(values: Mapping[str, str]) -> bool:
    """Whether these settings are a legacy API key's."""
    return token_kind(values["MAJORA_TOKEN"]) == "key"


def is_lost(config: Config) -> bool:
    """Whether the file has text that a write would replace, as it cannot be understood."""
    return isinstance(config.document, jsontext.Broken) and not config.document.blank
