"""CFG001 to CFG014 over literals: which one fails, that no other does, what its fix leaves, and the set-up of all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.client.find import Candidate, Clients, ClientState
from ocarina_kit.config import jsontext
from ocarina_kit.config.location import SetupLocation
from ocarina_kit.config.setup import Config, effective, from_environment, location_of
from ocarina_kit.config.write import check_profile_name, with_settings
from ocarina_kit.doctor import setup
from ocarina_kit.doctor.check import Choice, Outcome
from ocarina_kit.doctor.setup import usable
from ocarina_kit.doctor.world import World
from ocarina_kit.system.change import Action, Change
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import File
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.process import Completed

HOME = Path("/tmp")  # a folder that there is; nothing is written
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


def good(*without: str, **more: Any) -> dict[str, Any]:
    return {
        **{name: value for name, value in GOOD.items() if name not in without},
        **more,
    }


def machine(**environ: str) -> Machine:
    return Machine(environ, HOME, "lab", "node", lambda argv, **_: Completed(None))


def config_of(given: Any, profile: str | None = None, **file: Any) -> Config:
    data = given if isinstance(given, bytes) else json.dumps(given, indent=4).encode()
    seen = File(PATH, FileKind.FILE, data, mode=0o600, ours=True)._replace(**file)
    document, broken = (
        jsontext.read(seen.content) if seen.content is not None else (None, None)
    )
    settings = effective(document.value, profile) if document is not None else {}
    return Config(
        machine(),
        SetupLocation(PATH, profile=profile),
        settings,
        seen,
        document,
        broken,
    )


def world_of(config: Config, client: tuple[int, ...] | None = (1, 0, 0)) -> World:
    found = Candidate("/o", real="/o", state=ClientState.WORKS, version=client)
    return World(
        config.machine,
        config.location,
        config=config,
        clients=Clients((found,), found, found),
    )


def judged(
    config: Config, client: tuple[int, ...] | None = (1, 0, 0)
) -> dict[str, Outcome]:
    return {finding.id: finding for finding in setup.findings(world_of(config, client))}


def wrong(config: Config, client: tuple[int, ...] | None = (1, 0, 0)) -> dict[str, str]:
    """What is neither ok nor skipped."""
    found = judged(config, client).items()
    return {id: each.status for id, each in found if each.status not in ("ok", "skip")}


def after_fix(config: Config, *only: str) -> Any:
    """The file as --fix leaves it; None where nothing is fixed."""
    done = setup.settled(world_of(config), Choice(only=frozenset(only)))[1]
    return json.loads(done[-1].fix[0].after or b"") if done else None


OWN = {
    "MAJORA_DOMAIN": "https://other.lab.test/",
    "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test",
}
PROFILES: dict[str, Any] = {**GOOD, "profile": {"test": OWN, "bare": {}}}


def test_good_ones_are_good() -> None:
    own = good(
        OCARINA_QUIET=1,
        OCARINA_NO_BANNER="1",
        MINE=[1, {"a": None}],
        MAJORA_TOKENS_FILE="~/x",
    )
    for settings, profile in ((own, None), (PROFILES, None), (PROFILES, "test")):
        assert wrong(config_of(settings, profile)) == {}
        assert after_fix(config_of(settings, profile)) is None


SLIPS = {
    "MAJORA_DOMAIN": DOMAIN[:-1],
    "MAJORA_USRE": "lab-user",
    "MAJORA_TOKEN": "oauth",
}
FIXED: list[Any] = [
    good("MAJORA_DOMAIN", majora_domain=DOMAIN),
    good(MAJORA_DOMAIN="<HTTPS://Majora.lab.test:443/o/token>"),
    good(CLIENT_ID=f" {ID}", CLIENT_SECRET=SECRET[:60] + "\n" + SECRET[60:]),
    good(CLIENT_ID=SECRET + " ", CLIENT_SECRET=ID),
    repr({**SLIPS, "CLIENTID": SECRET, "CLIENTSECRET": ID}).encode(),
]


@pytest.mark.parametrize("content", FIXED)
def test_all_that_has_one_meaning_is_fixed_in_one_write(content: Any) -> None:
    config = config_of(content)
    change = setup.settled(world_of(config))[1][-1].fix[0]
    assert change == Change(
        Action.WRITE, PATH, "config", config.file.content, change.after, why=change.why
    )
    assert json.loads(change.after or b"") == GOOD
    assert after_fix(config_of(change.after or b"")) is None
    assert usable(World.of(config)).client_secret.reveal() == SECRET


def test_what_is_fixed() -> None:
    config = config_of(good(MAJORA_DOMAIN=DOMAIN[:-1], MAJORA_TOKEN="oauth"))
    assert after_fix(config, "CFG008") == good(MAJORA_DOMAIN=DOMAIN[:-1])
    assert [each.id for each in setup.settled(world_of(config))[1]] == [
        "CFG007",
        "CFG008",
    ]
    integers = after_fix(config_of(good(OCARINA_QUIET="yes", OCARINA_NO_BANNER=None)))
    assert integers == good(OCARINA_QUIET=1, OCARINA_NO_BANNER=0)
    assert after_fix(config_of(good(OCARINA_QUIET="sometimes"))) is None
    assert (
        after_fix(config_of(good("MAJORA_USER", majora_user="a", MAJORAUSER="b")))
        is None
    )


def test_a_tokens_file_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    for name in (
        "/",
        "/dev/null",
        "/dev/null/x",
        f"{tmp_path}",
        f"{tmp_path}/a\0b",
        "\ud800",
    ):
        config = config_of(good(MAJORA_TOKENS_FILE=name))
        assert wrong(config) == {"CFG010": "fail"}, name
        assert not any(
            command.startswith("mv")
            for command in judged(config)["CFG010"].remedy.commands
        )
    other = {"test": {**OWN, "MAJORA_TOKENS_FILE": f"{tmp_path}/link"}}
    assert wrong(
        config_of(good(MAJORA_TOKENS_FILE=f"{tmp_path}/real", profile=other))
    ) == {"CFG013": "fail"}
    assert machine().expand("~//x") == HOME / "x"


def test_a_missing_or_incomplete_profile_is_the_one_fault() -> None:
    for settings in (PROFILES, {"profile": PROFILES["profile"]}):
        assert wrong(config_of(settings, "gone")) == {"CFG011": "fail"}
        finding = judged(config_of(settings, "gone"))
        assert "test and bare" in finding["CFG011"].said
        assert finding["CFG004"].cause == "CFG011"
    config = config_of({"profile": {"p": good("CLIENT_ID", "MAJORA_TOKEN")}}, "p")
    assert wrong(config) == {"CFG011": "fail"}
    assert "MAJORA_TOKEN and CLIENT_ID missing" in judged(config)["CFG011"].said
    near = config_of({"profile": {"p": good("CLIENT_ID", client_id=ID)}}, "p")
    assert wrong(near) == {"CFG004": "fail"}
    assert after_fix(near)["profile"]["p"] == GOOD
    # ocarina would go on with the value of a layer before; the last layer's name counts.
    layers = {
        **GOOD,
        "default": {"majora_user": "x"},
        "profile": {"p": {"MAJORA_USRE": "y"}, "q": GOOD},
    }
    assert [wrong(config_of(layers, profile)) for profile in (None, "p", "q")] == [
        {"CFG004": "fail"}
    ] * 2 + [{}]
    assert after_fix(config_of(layers, "p"))["profile"]["p"] == {"MAJORA_USER": "y"}


def test_a_file_that_may_not_be_read_or_is_anothers() -> None:
    config = config_of(GOOD, kind=FileKind.UNREADABLE, content=None)
    assert wrong(config) == {"CFG001": "fail"}
    assert judged(config)["CFG001"].remedy.commands == ("chmod 600 /tmp/.ocarina",)
    assert judged(config_of(GOOD, mode=0o644, ours=False))["CFG003"].fix == ()
    assert wrong(config_of(GOOD, mode=0o400)) == {}


def test_a_key_needs_fillers_with_newer_clients_only() -> None:
    config = config_of(good(MAJORA_TOKEN=KEY, CLIENT_ID="", CLIENT_SECRET=""))
    assert wrong(config, None) == wrong(config, (0, 36, 1)) == {"CFG008": "warn"}
    assert wrong(config) == {"CFG008": "fail"}
    assert wrong(config_of(after_fix(config))) == {"CFG008": "warn"}
    found = usable(World.of(config))
    assert found.legacy_key is not None
    assert found.legacy_key.reveal() == KEY


@pytest.mark.parametrize(
    ("change", "id", "command"),
    [
        (
            {"CLIENT_SECRET": ""},
            "CFG004",
            "read -rs CLIENT_SECRET && export CLIENT_SECRET",
        ),
        ({"MAJORA_TOKEN": ""}, "CFG004", "export MAJORA_TOKEN=OAUTH"),
        ({"MAJORA_USER": "your-username"}, "CFG005", "export MAJORA_USER=…"),
        ({"MAJORA_DOMAIN": "majora.lab.test"}, "CFG006", "export MAJORA_DOMAIN=…"),
        ({"MAJORA_DOMAIN": DOMAIN[:-1]}, "CFG007", f"export MAJORA_DOMAIN={DOMAIN}"),
        ({"MAJORA_TOKEN": "oauth"}, "CFG008", "export MAJORA_TOKEN=OAUTH"),
        (
            {"CLIENT_SECRET": f"{SECRET} "},
            "CFG009",
            "read -rs CLIENT_SECRET && export CLIENT_SECRET",
        ),
    ],
)
def test_with_env_the_remedy_is_a_variable(
    change: dict[str, str], id: str, command: str
) -> None:
    config = Config(
        machine(),
        SetupLocation(PATH, from_env=True),
        from_environment({**GOOD, **change}),
    )
    assert wrong(config) == {id: "fail"}
    skipped = {
        id
        for id, each in judged(config).items()
        if each.status == "skip" and not each.cause
    }
    assert skipped == {
        f"CFG0{number}" for number in ("01", "02", "03", "10", "11", "12", "13")
    }
    finding = judged(config)[id]
    assert (finding.fix, finding.remedy.commands) == ((), (command,))
    if id in ("CFG007", "CFG008", "CFG009"):
        found = usable(World.of(config))
        assert (found.domain, found.client_secret.reveal()) == (DOMAIN, SECRET)
        assert id in found.notes[0]


OLDER = {"MAJORA_CLIENT_ID": "i", "MAJORA_CLIENT_SECRET": "s"}


def test_variables() -> None:
    for environ, values in (
        ({"MAJORA_USER": "u", "CLIENT_ID": ""}, {"MAJORA_USER": "u"}),
        (OLDER, {"CLIENT_ID": "i", "CLIENT_SECRET": "s"}),
        ({"CLIENT_ID": "new", **OLDER}, {"CLIENT_ID": "new"}),
        ({"MAJORA_CLIENT_SECRET": "s"}, {}),
        ({**OLDER, "CLIENT_SECRET": "new"}, {"CLIENT_ID": "i", "CLIENT_SECRET": "s"}),
        (
            {"MAJORA_CLIENT_ID": "i", "CLIENT_SECRET": "new"},
            {"CLIENT_ID": "i", "CLIENT_SECRET": "new"},
        ),
    ):
        assert from_environment(environ) == values


LAYERS: dict[str, Any] = {
    "MAJORA_USER": "root",
    "CLIENT_ID": "root",
    "default": {"MAJORA_USER": "default", "CLIENT_SECRET": "default"},
    "profile": {"uk": {"MAJORA_USER": "uk", "CLIENT_ID": "uk"}, "nl": {}, "x": 1},
}


def test_layers_and_places() -> None:
    for profile in (None, "uk", "nl", "x"):
        found = effective(LAYERS, profile)
        values = [found[name] for name in ("MAJORA_USER", "CLIENT_ID", "CLIENT_SECRET")]
        assert values == (
            ["uk", "uk", "default"]
            if profile == "uk"
            else ["default", "root", "default"]
        )
    here = machine(OCARINA_CONF_FILE="~/other")
    assert location_of(machine()) == SetupLocation(PATH)
    assert location_of(here) == SetupLocation(HOME / "other", "environment")
    assert location_of(here, config="/c", profile="p") == SetupLocation(
        Path("/c"), "option", "p"
    )
    assert location_of(here, profile="p", env=True).profile is None


def test_usable() -> None:
    found = usable(
        World.of(config_of(good(MAJORA_DOMAIN=DOMAIN[:-1], MAJORA_USER=" lab-user")))
    )
    assert (found.domain, found.user, found.client_id) == (DOMAIN, "lab-user", ID)
    assert found.tokens_file == HOME / ".ocarina-tokens"
    assert found.notes == (
        "[CFG007] MAJORA_DOMAIN does not end in / (~/.ocarina, line 2, column 22). Corrected for this run only. "
        "To fix it: ocarina-kit doctor --fix",
    )


def test_unusable_says_the_first_fault() -> None:
    for content in (b"", good(CLIENT_ID="<id>"), good(default=1), good("MAJORA_USER")):
        with pytest.raises(KitError) as caught:
            usable(World.of(config_of(content)))
        assert {caught.value.problem.id: "fail"} == wrong(config_of(content))
        assert caught.value.problem.remedy.commands


def test_a_profile_has_a_tokens_file_of_its_own() -> None:
    own, tokens = good(MAJORA_USER="x"), {"MAJORA_TOKENS_FILE": "~/.ocarina-tokens-uk"}
    assert with_settings(config_of(b"", "uk"), own).document.value == {
        "profile": {"uk": {**own, **tokens}}
    }
    settled = good(profile={"uk": {"MAJORA_USER": "x", "MAJORA_TOKENS_FILE": "~/t"}})
    assert with_settings(config_of(settled, "uk"), own).document.value == settled


def test_names_that_a_profile_cannot_have() -> None:
    for name in ("", " ", "a/b", "..", "a b ", "x" * 65, "$HOME", "%"):
        with pytest.raises(KitError, match="cannot have this name"):
            check_profile_name(name)
