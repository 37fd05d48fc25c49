"""CFG001 to CFG014 over literals: which one fails, that no other does, what its fix leaves, and the set-up of all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.config import jsontext
from ocarina_kit.config.finding import Finding
from ocarina_kit.config.findings import findings
from ocarina_kit.config.jsontext import Document
from ocarina_kit.config.place import Place
from ocarina_kit.config.setup import (
    Config,
    effective,
    fixed,
    from_environment,
    place_of,
    profiles,
    read_config,
    settled,
    usable,
)
from ocarina_kit.config.write import plan_settings
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.files import File
from ocarina_kit.system.machine import Completed, Machine

HOME = Path("/home/lab")
PATH = HOME / ".ocarina"
ID = "Id" + "a1" * 19
SECRET = "Se" + "b2" * 63
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
DOMAIN = "https://majora.lab.test/"
GOOD: Mapping[str, Any] = {
    "MAJORA_DOMAIN": DOMAIN,
    "MAJORA_USER": "lab-user",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": ID,
    "CLIENT_SECRET": SECRET,
}


def machine(home: Path = HOME, **environ: str) -> Machine:
    return Machine(environ, home, "lab", "node", lambda argv, **_: Completed(tuple(argv), None))


def text_of(settings: Mapping[str, Any]) -> bytes:
    return (json.dumps(settings, indent=4) + "\n").encode()


def config_of(
    given: bytes | Mapping[str, Any], profile: str | None = None, folder: bool = True, **file: Any
) -> Config:
    data = given if isinstance(given, bytes) else text_of(given)
    seen = File(PATH, "file", data, mode=0o600, ours=True)._replace(**file)
    document = jsontext.read(seen.content) if seen.content is not None else None
    settings = effective(document.value, profile) if isinstance(document, Document) else {}
    return Config(Place(PATH, profile=profile), seen, document, settings, HOME, HOME / "gone/tokens", folder)


def env_of(environ: Mapping[str, str]) -> Config:
    place = Place(PATH, from_env=True)
    return Config(place, None, None, from_environment(environ), HOME, HOME / ".ocarina-tokens")


def judged(config: Config, client: tuple[int, ...] | None = (1, 0, 0)) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings(config, client)}


def wrong(config: Config, client: tuple[int, ...] | None = (1, 0, 0)) -> dict[str, str]:
    """What is neither ok nor skipped."""
    return {
        id: each.status for id, each in judged(config, client).items() if each.status not in ("ok", "skip")
    }


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {**{name: value for name, value in GOOD.items() if name not in names}, **more}


PROFILES: dict[str, Any] = {
    **GOOD,
    "profile": {
        "test": {"MAJORA_DOMAIN": "https://other.lab.test/", "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test"},
        "bare": {},
    },
}


def test_good_ones_are_good() -> None:
    own = {
        "OCARINA_QUIET": 1,
        "OCARINA_NO_BANNER": "1",
        "MINE": [1, {"a": None}],
        "MAJORA_TOKENS_FILE": "~/t/x.json",
    }
    local = {**GOOD, "MAJORA_DOMAIN": "http://127.0.0.1:8000/"}
    for settings in (GOOD, {**GOOD, **own}, {"default": dict(GOOD)}, PROFILES, local):
        assert wrong(config_of(settings)) == {}
        assert fixed(config_of(settings)) is None
    assert wrong(config_of(PROFILES, "test")) == {}
    assert wrong(config_of({"profile": {"p": dict(GOOD)}}, "p")) == {}


OTHER_CLIENT = {
    "a": {**GOOD, "MAJORA_TOKENS_FILE": "/home/lab/t"},
    "b": {**GOOD, "CLIENT_ID": ID[::-1], "MAJORA_TOKENS_FILE": "~/t"},
}
WRONG: list[tuple[Any, str]] = [
    (b"", "CFG002"),
    (text_of(GOOD).replace(b'"\n}', b'",\n}'), "CFG002"),
    (text_of(GOOD).replace(b'"', b"'"), "CFG002"),
    (b"\xef\xbb\xbf" + text_of(GOOD), "CFG002"),
    (b"[1, 2]", "CFG002"),
    (text_of(GOOD) * 2, "CFG002"),
    (without("MAJORA_USER"), "CFG004"),
    ({**GOOD, "MAJORA_USER": "  "}, "CFG004"),
    ({**GOOD, "CLIENT_ID": None}, "CFG004"),
    ({**GOOD, "CLIENT_SECRET": 12}, "CFG004"),
    (without("MAJORA_TOKEN"), "CFG004"),
    ({**GOOD, "MAJORA_TOKEN": ""}, "CFG004"),
    (without("MAJORA_DOMAIN", majora_domain=DOMAIN), "CFG004"),
    (without("CLIENT_ID", CLIENTID=ID), "CFG004"),
    ({**GOOD, "MAJORA_USER": "your-username"}, "CFG005"),
    ({**GOOD, "CLIENT_ID": "your-client-id"}, "CFG005"),
    ({**GOOD, "MAJORA_DOMAIN": "https://example.org/"}, "CFG005"),
    ({**GOOD, "CLIENT_SECRET": "..."}, "CFG005"),
    ({**GOOD, "MAJORA_TOKEN": "<token>"}, "CFG005"),
    ({**GOOD, "MAJORA_DOMAIN": "http://majora.lab.test/"}, "CFG006"),
    ({**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test/o/callback/"}, "CFG006"),
    ({**GOOD, "MAJORA_DOMAIN": " https://majora.lab.test"}, "CFG006"),
    ({**GOOD, "MAJORA_DOMAIN": "https://me:pass@majora.lab.test/"}, "CFG006"),
    ({**GOOD, "MAJORA_DOMAIN": "https://me:pass@{majora}.lab.test/"}, "CFG006"),
    ({**GOOD, "MAJORA_DOMAIN": "3"}, "CFG006"),
    ({**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test"}, "CFG007"),
    ({**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test///"}, "CFG007"),
    ({**GOOD, "MAJORA_TOKEN": "oauth"}, "CFG008"),
    ({**GOOD, "MAJORA_TOKEN": "OAUTH "}, "CFG008"),
    ({**GOOD, "CLIENT_SECRET": SECRET + "\n"}, "CFG009"),
    ({**GOOD, "CLIENT_ID": SECRET, "CLIENT_SECRET": ID}, "CFG009"),
    ({**GOOD, "CLIENT_SECRET": "pbkdf2_sha256$600000$salt$" + "A" * 43 + "="}, "CFG009"),
    ({**GOOD, "OCARINA_QUIET": "yes"}, "CFG010"),
    ({**GOOD, "OCARINA_NO_BANNER": None}, "CFG010"),
    ({**GOOD, "default": 1}, "CFG010"),
    ({**GOOD, "CLIENT_ID": None, "default": {"CLIENT_ID": ID}}, "CFG010"),
    ({**GOOD, "MAJORA_TOKENS_FILE": ""}, "CFG010"),
    ({**GOOD, "profile": {"test": {"MAJORA_DOMAIN": "https://other.lab.test/"}}}, "CFG013"),
    ({**GOOD, "profile": OTHER_CLIENT}, "CFG013"),
]
PRODUCTION, TEST = "https://majora.covid19.climb.ac.uk/", "https://majora-test.covid19.climb.ac.uk/"
WARNED: list[tuple[Any, str]] = [
    ({**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test/majora/"}, "CFG006"),
    ({**GOOD, "MAJORA_TOKEN": KEY}, "CFG008"),
    ({**GOOD, "CLIENT_ID": ID[:-1]}, "CFG009"),
    (text_of(GOOD).replace(b"{", b'{"CLIENT_ID": "old",', 1), "CFG012"),
    ({**GOOD, "MAJORA_DOMAIN": PRODUCTION, "MAJORA_USER": "test-me"}, "CFG014"),
    ({**GOOD, "MAJORA_DOMAIN": TEST}, "CFG014"),
]


@pytest.mark.parametrize(("content", "id"), WRONG)
def test_one_fault_one_failure(content: Any, id: str) -> None:
    config = config_of(content)
    assert wrong(config) == {id: "fail"}
    finding = judged(config)[id]
    assert "(~/.ocarina" in finding.words.text
    assert finding.remedy.commands
    for secret in (SECRET, "me:pass", "pbkdf2_sha256$6"):
        assert secret not in finding.words.text + finding.excerpt + repr(finding)
    assert not any(
        str(value) in finding.words.template for value in finding.words.values.values() if value != 1
    )


@pytest.mark.parametrize(("content", "id"), WARNED)
def test_what_only_warns(content: Any, id: str) -> None:
    assert wrong(config_of(content)) == {id: "warn"}
    assert "(~/.ocarina, line " in judged(config_of(content))[id].words.text


MANY_SLIPS = {"MAJORA_DOMAIN": DOMAIN[:-1], "MAJORA_USRE": "lab-user", "MAJORA_TOKEN": "oauth"}
FIXED: list[Any] = [
    text_of(GOOD).replace(b'"\n}', b'",\n}'),
    without("MAJORA_DOMAIN", majora_domain=DOMAIN),
    {**GOOD, "MAJORA_DOMAIN": "<HTTPS://Majora.lab.test:443/o/token>"},
    {**GOOD, "MAJORA_TOKEN": "'OAuth'"},
    {**GOOD, "CLIENT_ID": f" {ID}", "CLIENT_SECRET": SECRET[:60] + "\n" + SECRET[60:]},
    {**GOOD, "CLIENT_ID": SECRET + " ", "CLIENT_SECRET": ID},
    text_of({**MANY_SLIPS, "CLIENTID": SECRET, "CLIENTSECRET": ID}).replace(b'"', b"'"),
]


@pytest.mark.parametrize("content", FIXED)
def test_all_that_has_one_meaning_is_fixed_in_one_write(content: Any) -> None:
    config = config_of(content)
    change = fixed(config)
    assert change is not None
    assert (change.what, change.path, change.kind) == ("write", PATH, "config")
    assert config.file is not None
    assert change.before == config.file.content
    assert json.loads(change.after or b"") == GOOD
    after = config_of(change.after or b"")
    assert wrong(after) == {}
    assert fixed(after) is None
    assert usable(machine(), config).client_secret.reveal() == SECRET


def test_only_what_was_chosen_is_fixed() -> None:
    config = config_of({**GOOD, "MAJORA_DOMAIN": DOMAIN[:-1], "MAJORA_TOKEN": "oauth"})
    change = fixed(config, ["CFG008"])
    assert change is not None
    assert json.loads(change.after or b"") == {**GOOD, "MAJORA_DOMAIN": DOMAIN[:-1]}
    assert [each.check for each in settled(config)[1]] == ["CFG007", "CFG008"]


def test_integers_are_written_as_integers_and_a_broken_one_is_left() -> None:
    change = fixed(config_of({**GOOD, "OCARINA_QUIET": "yes", "OCARINA_NO_BANNER": None}))
    assert change is not None
    assert json.loads(change.after or b"") == {**GOOD, "OCARINA_QUIET": 1, "OCARINA_NO_BANNER": 0}
    assert fixed(config_of({**GOOD, "OCARINA_QUIET": "sometimes"})) is None


@pytest.mark.parametrize("profile", ["test", None])
def test_a_fix_is_made_where_the_client_reads(profile: str | None) -> None:
    settings = {**GOOD, "default": {"MAJORA_DOMAIN": DOMAIN[:-1]}}
    if profile:
        settings["profile"] = {profile: {"MAJORA_DOMAIN": DOMAIN[:-1], "MAJORA_TOKENS_FILE": "~/t"}}
    change = fixed(config_of(settings, profile))
    assert change is not None
    found = json.loads(change.after or b"")
    assert found["default"]["MAJORA_DOMAIN"] == (DOMAIN[:-1] if profile else DOMAIN)
    assert profile is None or found["profile"][profile]["MAJORA_DOMAIN"] == DOMAIN
    assert found["MAJORA_DOMAIN"] == DOMAIN


def test_a_missing_profile_is_the_one_fault() -> None:
    for settings in (PROFILES, {"profile": PROFILES["profile"]}):
        assert wrong(config_of(settings, "gone")) == {"CFG011": "fail"}
        finding = judged(config_of(settings, "gone"))
        assert "test and bare" in finding["CFG011"].words.text
        assert finding["CFG004"].cause == "CFG011"


def test_an_incomplete_profile_is_the_one_fault() -> None:
    config = config_of({"profile": {"p": without("CLIENT_ID", "MAJORA_TOKEN")}}, "p")
    assert wrong(config) == {"CFG011": "fail"}
    assert "MAJORA_TOKEN and CLIENT_ID missing" in judged(config)["CFG011"].words.text
    near = config_of({"profile": {"p": without("CLIENT_ID", client_id=ID)}}, "p")
    assert wrong(near) == {"CFG004": "fail"}
    assert wrong(settled(near)[0]) == {}


def test_no_file_to_read() -> None:
    for kind, command in (
        ("missing", "ocarina-kit init"),
        ("folder", "mv /home/lab/.ocarina /home/lab/.ocarina.old"),
        ("dangling", "rm /home/lab/.ocarina"),
        ("special", "mv /home/lab/.ocarina /home/lab/.ocarina.old"),
        ("too large", "mv /home/lab/.ocarina /home/lab/.ocarina.old"),
        ("unreadable", "chmod 600 /home/lab/.ocarina"),
    ):
        config = config_of(GOOD, kind=kind, content=None)
        assert wrong(config) == {"CFG001": "fail"}
        commands = [command] if kind in ("missing", "unreadable") else [command, "ocarina-kit init"]
        assert list(judged(config)["CFG001"].remedy.commands) == commands
        with pytest.raises(KitError, match="The configuration"):
            usable(machine(), config)


def test_modes_owners_and_folders() -> None:
    assert wrong(config_of(GOOD, mode=0o644)) == {"CFG003": "fail"}
    change = judged(config_of(GOOD, mode=0o644))["CFG003"].change
    assert change is not None
    assert (change.what, change.mode) == ("chmod", 0o644)
    assert wrong(config_of(GOOD, mode=0o644, ours=False)) == {"CFG003": "fail"}
    assert judged(config_of(GOOD, mode=0o644, ours=False))["CFG003"].change is None
    assert wrong(config_of(GOOD, loose_folders=(HOME,))) == {"CFG003": "warn"}
    assert wrong(config_of(GOOD, mode=0o400)) == {}


def test_the_folder_of_the_tokens_must_exist() -> None:
    config = config_of({**GOOD, "MAJORA_TOKENS_FILE": "/home/lab/gone/tokens"}, folder=False)
    assert wrong(config) == {"CFG010": "fail"}
    assert judged(config)["CFG010"].remedy.commands == ("mkdir -p -m 700 /home/lab/gone",)


def test_a_key_needs_fillers_with_newer_clients_only() -> None:
    config = config_of({**GOOD, "MAJORA_TOKEN": KEY, "CLIENT_ID": "", "CLIENT_SECRET": ""})
    assert wrong(config, None) == wrong(config, (0, 36, 1)) == {"CFG008": "warn"}
    assert wrong(config) == {"CFG008": "fail"}
    change = fixed(config, client=(1, 0, 0))
    assert change is not None
    assert wrong(config_of(change.after or b"")) == {"CFG008": "warn"}
    setup = usable(machine(), config)
    assert setup.legacy_key is not None
    assert setup.legacy_key.reveal() == KEY


def test_a_place_is_said_with_line_and_column_and_shown_with_a_caret() -> None:
    finding = judged(config_of({**GOOD, "MAJORA_DOMAIN": DOMAIN[:-1]}))["CFG007"]
    assert finding.words.text == "MAJORA_DOMAIN does not end in / (~/.ocarina, line 2, column 22)"
    line, caret = finding.excerpt.splitlines()
    assert line == '    "MAJORA_DOMAIN": "https://majora.lab.test",'
    assert caret.index("^") == line.index('",') - 1
    swapped = judged(config_of({**GOOD, "CLIENT_ID": SECRET, "CLIENT_SECRET": ID}))["CFG009"]
    assert swapped.excerpt.splitlines()[0] == '    "CLIENT_ID": "**** (128 characters)",'


# --- the environment -----------------------------------------------------------------------------------------------


def test_with_env_the_checks_of_the_file_do_not_apply() -> None:
    assert wrong(env_of(GOOD)) == {}
    skipped = [id for id, finding in judged(env_of(GOOD)).items() if finding.status == "skip"]
    assert skipped == [f"CFG0{number}" for number in ("01", "02", "03", "10", "11", "12", "13")]


@pytest.mark.parametrize(
    ("change", "id", "command"),
    [
        ({"CLIENT_SECRET": ""}, "CFG004", "read -rs CLIENT_SECRET && export CLIENT_SECRET"),
        ({"MAJORA_TOKEN": ""}, "CFG004", "export MAJORA_TOKEN=OAUTH"),
        ({"MAJORA_USER": "your-username"}, "CFG005", "export MAJORA_USER=…"),
        ({"MAJORA_DOMAIN": "majora.lab.test"}, "CFG006", "export MAJORA_DOMAIN=…"),
        ({"MAJORA_DOMAIN": DOMAIN[:-1]}, "CFG007", f"export MAJORA_DOMAIN={DOMAIN}"),
        ({"MAJORA_TOKEN": "oauth"}, "CFG008", "export MAJORA_TOKEN=OAUTH"),
        ({"CLIENT_SECRET": f"{SECRET} "}, "CFG009", "read -rs CLIENT_SECRET && export CLIENT_SECRET"),
    ],
)
def test_with_env_the_remedy_is_a_variable(change: dict[str, str], id: str, command: str) -> None:
    config = env_of({**GOOD, **change})
    assert wrong(config) == {id: "fail"}
    finding = judged(config)[id]
    assert finding.change is None
    assert finding.remedy.commands == (command,)
    if id in ("CFG007", "CFG008", "CFG009"):
        setup = usable(machine(), config)
        assert (setup.domain, setup.client_secret.reveal()) == (DOMAIN, SECRET)
        assert id in setup.notes[0]


OLDER = {"MAJORA_CLIENT_ID": "i", "MAJORA_CLIENT_SECRET": "s"}


@pytest.mark.parametrize(
    ("environ", "values"),
    [
        ({}, {}),
        ({"MAJORA_USER": "u", "CLIENT_ID": ""}, {"MAJORA_USER": "u"}),
        (OLDER, {"CLIENT_ID": "i", "CLIENT_SECRET": "s"}),
        ({"CLIENT_ID": "new", **OLDER}, {"CLIENT_ID": "new"}),
        ({"MAJORA_CLIENT_SECRET": "s"}, {}),
        ({**OLDER, "CLIENT_SECRET": "new"}, {"CLIENT_ID": "i", "CLIENT_SECRET": "s"}),
        ({"MAJORA_CLIENT_ID": "i", "CLIENT_SECRET": "new"}, {"CLIENT_ID": "i", "CLIENT_SECRET": "new"}),
    ],
)
def test_variables(environ: dict[str, str], values: dict[str, str]) -> None:
    found = from_environment(environ)
    assert {name: each.value for name, each in found.items() if each.path} == values


# --- layers, places and set-ups ------------------------------------------------------------------------------------

LAYERS: dict[str, Any] = {
    "MAJORA_USER": "root",
    "CLIENT_ID": "root",
    "default": {"MAJORA_USER": "default", "CLIENT_SECRET": "default"},
    "profile": {"uk": {"MAJORA_USER": "uk", "CLIENT_ID": "uk"}, "nl": {}, "x": 1},
}


def test_layers() -> None:
    for profile in (None, "uk", "nl", "x"):
        found = effective(LAYERS, profile)
        values = [found[name].value for name in ("MAJORA_USER", "CLIENT_ID", "CLIENT_SECRET")]
        assert values == (["uk", "uk", "default"] if profile == "uk" else ["default", "root", "default"])
        secret = found["CLIENT_SECRET"]
        assert (secret.origin, secret.path) == ('object "default"', ("default", "CLIENT_SECRET"))
        assert repr(secret) == 'Setting(CLIENT_SECRET, object "default")'
    assert list(profiles(LAYERS)) == ["uk", "nl"]


def test_places(tmp_path: Path) -> None:
    here = machine(tmp_path, OCARINA_CONF_FILE="~/other")
    assert place_of(machine(tmp_path)) == Place(tmp_path / ".ocarina")
    assert place_of(here) == Place(tmp_path / "other", "environment")
    assert place_of(here, config="/c", profile="p") == Place(Path("/c"), "option", "p")
    assert place_of(here, profile="p", env=True).profile is None


def test_usable(tmp_path: Path) -> None:
    (tmp_path / ".ocarina").write_bytes(
        text_of({**GOOD, "MAJORA_DOMAIN": DOMAIN[:-1], "MAJORA_USER": " lab-user"})
    )
    here = machine(tmp_path)
    setup = usable(here, read_config(here, place_of(here)))
    assert (setup.domain, setup.user, setup.client_id) == (DOMAIN, "lab-user", ID)
    assert setup.tokens_file == tmp_path / ".ocarina-tokens"
    assert setup.notes == (
        "[CFG007] MAJORA_DOMAIN does not end in / (~/.ocarina, line 2, column 22). Corrected for this run only. "
        "To fix it: ocarina-kit doctor --fix",
    )
    assert SECRET not in repr(setup)


@pytest.mark.parametrize(
    "content", [b"", {**GOOD, "CLIENT_ID": "<id>"}, {**GOOD, "default": 1}, without("MAJORA_USER")]
)
def test_unusable_says_the_first_fault(content: Any) -> None:
    config = config_of(content)
    with pytest.raises(KitError) as caught:
        usable(machine(), config)
    assert {caught.value.id: "fail"} == wrong(config)
    assert caught.value.why
    assert caught.value.remedy.commands


# --- writing settings ----------------------------------------------------------------------------------------------


def planned(home: Path, before: bytes | None, settings: Mapping[str, str], profile: str | None = None) -> Any:
    if before is not None:
        (home / ".ocarina").write_bytes(before)
    changes = plan_settings(machine(home), Place(home / ".ocarina", profile=profile), settings)
    return json.loads(changes[0].after or b"") if changes else None


ANSWERS = {"CLIENT_SECRET": SECRET, **{name: GOOD[name] for name in GOOD if name != "CLIENT_SECRET"}}


def test_a_new_file_is_in_the_guides_order(tmp_path: Path) -> None:
    (change,) = plan_settings(machine(tmp_path), Place(tmp_path / ".ocarina"), ANSWERS)
    assert (change.before, change.after) == (None, text_of(GOOD))
    assert planned(tmp_path, b'{"broken', ANSWERS) == GOOD


def test_settings_go_where_the_client_reads_them(tmp_path: Path) -> None:
    assert planned(tmp_path, text_of(GOOD), ANSWERS) is None
    default = {**GOOD, "MINE": 1, "default": {"MAJORA_USER": "other"}}
    assert planned(tmp_path, text_of(default), ANSWERS) == {**default, "default": {"MAJORA_USER": "lab-user"}}
    new = planned(tmp_path, text_of(GOOD), {**ANSWERS, "MAJORA_USER": "x"}, "uk")
    own = {**GOOD, "MAJORA_USER": "x", "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-uk"}
    assert new == {**GOOD, "profile": {"uk": own}}
    inherits = {**GOOD, "profile": {"uk": {"MAJORA_USER": "u", "MAJORA_TOKENS_FILE": "~/t"}}}
    assert planned(tmp_path, text_of(inherits), {**ANSWERS, "MAJORA_USER": "u"}, "uk") is None
    assert (
        planned(tmp_path, None, {**ANSWERS, "MAJORA_USER": "v"}, "uk")["profile"]["uk"]["MAJORA_USER"] == "v"
    )


def test_a_key_gets_fillers(tmp_path: Path) -> None:
    found = planned(tmp_path, None, {"MAJORA_DOMAIN": DOMAIN, "MAJORA_USER": "u", "MAJORA_TOKEN": KEY})
    assert wrong(config_of(found)) == {"CFG008": "warn"}


def test_what_cannot_be_written(tmp_path: Path) -> None:
    for name in ("", " ", "a/b", "..", "a b ", "x" * 65, "$HOME", "%"):
        with pytest.raises(KitError, match="cannot have this name"):
            planned(tmp_path, None, ANSWERS, name)
    with pytest.raises(KitError, match="something else where an object is needed"):
        planned(tmp_path, text_of({**GOOD, "profile": 3}), ANSWERS, "uk")
