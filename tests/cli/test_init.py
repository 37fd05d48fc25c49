"""``ocarina-kit init`` against a sandbox Majora.

Without a terminal, and from nothing to Ready in a real one.
"""

import json
import re
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP, Lab, link_in, talk
from tests.client.stub import program
from tests.conftest import Kit, Ran, mode_of
from tests.terminal import CTRL_C

from ocarina_kit.sandbox.person import Page

THE_LABS = "MAILTO=lab@example.org\n30 2 * * 0 /usr/local/bin/weekly-backup --all\n"
PURPOSE, AGREE = ("[1] > ", ""), ("Apply these changes? [Y/n]", "")


@pytest.fixture
def person(lab: Lab) -> Lab:
    """Somebody with a registered application, a crontab, and no configuration."""
    lab.kit.config.unlink()
    lab.kit.crontab = THE_LABS
    return lab


def file(lab: Lab, text: str, name: str = "file") -> str:
    path = lab.kit.home / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return str(path)


def init(lab: Lab, *args: str, **changed: str) -> Ran:
    """Run it with all options, some changed (``client_id="…"``), and more arguments."""
    secret = file(lab, f"\ufeff{lab.app.client_secret}\r\n", "secret")
    options = {
        "domain": lab.majora.url,
        "user": lab.user.name,
        "client_id": lab.app.client_id,
    }
    options |= {"client_secret_file": secret, **changed}
    words = [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    return lab.kit.run("init", *words, *args)


def backups(kit: Kit, kind: str = "config") -> list[bytes]:
    return [
        path.read_bytes() for path in sorted((kit.state / "backups").glob(f"{kind}*"))
    ]


def test_all_given_writes_a_private_file_and_the_second_run_changes_nothing(
    person: Lab,
) -> None:
    ran = init(person, "--json")
    assert ran.json == {"schema": 1, "command": "init", "ok": True, "exit": 0}, ran
    assert person.kit.config.read_text() == json.dumps(person.config, indent=4) + "\n"
    before = person.kit.config.stat()
    assert "Nothing to change" in init(person, "--yes").out
    assert (
        "Nothing to change" in person.kit.run("init", env={"MAJORA_CLIENT_ID": ""}).out
    )  # blank: not set
    assert person.kit.config.stat() == before
    assert not backups(person.kit)
    person.kit.config.chmod(0o644)
    assert person.kit.run("init").code == 0
    assert mode_of(person.kit.config) == 0o600


def test_from_the_environment_and_with_env_from_it_alone(person: Lab) -> None:
    older = {
        name.replace("CLIENT", "MAJORA_CLIENT"): value
        for name, value in person.config.items()
    }
    mixed = {
        **person.config,
        "MAJORA_CLIENT_SECRET": person.app.client_secret,
        "CLIENT_SECRET": "",
    }
    for env in (older, mixed):
        assert person.kit.run("init", env=env).code == 0
        assert person.kit.read_config() == person.config
        person.kit.config.unlink()
    person.kit.write_config(person.config)
    ran = person.kit.run("init", "--env", env={"MAJORA_USER": "bob"})
    assert (ran.code, "CLIENT_ID is missing" in ran.err) == (2, True)
    assert (
        person.kit.run(
            "init", "--env", env={**person.config, "MAJORA_USER": "bob"}
        ).code
        == 0
    )
    assert person.kit.read_config()["MAJORA_USER"] == "bob"


def test_all_that_is_missing_is_named_at_once(person: Lab) -> None:
    """Also for a new profile.

    The top level is mostly another Majora's, the object default is for all.
    """
    layers = {**person.config, "default": {"MAJORA_USER": person.user.name}}
    for settings, args, known in (({}, (), 0), (layers, ("--profile", "new"), 1)):
        person.kit.write_config(settings)
        ran = person.kit.run("init", "--json", *args)
        assert (ran.code, ran.json["error"]["id"]) == (2, "USE001")
        for words in (
            "--instance prod|test or --domain URL",
            "--client-id",
            "--client-secret-file",
        ):
            assert words in ran.json["error"]["what"]
        assert ran.json["error"]["what"].count(" is missing") == 4 - known
    assert person.kit.read_config() == layers


def test_a_value_that_cannot_be_used_is_wrong_usage(person: Lab) -> None:
    for option, value, id in (
        ("domain", "https://user:hunter22@majora.example.ac.uk/", "CFG006"),
        ("user", "your-username", "CFG005"),
        ("client_id", "", "CFG004"),
        ("client_secret_file", "pbkdf2_sha256$260000$salt$hash=", "CFG009"),
        ("client_secret_file", person.app.client_id, "CFG009"),
        ("client_secret_file", "one\ntwo\n", "USE001"),
        ("client_secret_file", "\udcff\udcfe", "USE001"),
        ("api_key_file", "OAUTH", "CFG008"),
    ):
        given = file(person, value) if option.endswith("file") else value
        ran = init(person, "--offline", "--json", **{option: given})
        assert (ran.code, ran.json["error"]["id"]) == (2, id), ran
        assert option != "domain" or "(--domain)" in ran.all
        assert "hunter22" not in ran.all
    for words in (
        "--instance prod",
        "--client-secret-file - --api-key-file -",
        "--profile a/b",
    ):
        assert init(person, "--json", *words.split()).json["error"]["remedy"]["text"], (
            words
        )
    assert "history" in init(person, client_secret_file=person.app.client_secret).err
    assert not person.kit.config.exists()


def test_a_no_is_written_with_force_or_offline_alone(person: Lab) -> None:
    wrong = file(person, "w" * 128)
    ran = init(person, "--json", client_secret_file=wrong)
    assert (ran.code, ran.json["error"]["id"]) == (1, "CRD001")
    assert not person.kit.config.exists()
    ran = init(person, "--force", client_secret_file=wrong)
    assert (ran.code, "[CRD001]" in ran.err) == (0, True)
    assert person.kit.read_config()["CLIENT_SECRET"] == "w" * 128
    person.kit.config.unlink()
    person.majora.clear_requests()
    prod = "https://majora.covid19.climb.ac.uk/"
    ran = init(
        person, "--offline", client_secret_file=wrong, domain=prod, user="test-alice"
    )
    assert (ran.code, "[CFG014]" in ran.err, person.majora.requests) == (0, True, [])


def test_without_a_usable_answer_it_is_written_with_a_warning(person: Lab) -> None:
    person.majora.fault(
        "redirect", status=302, location="https://wifi.example/login", times=None
    )
    for domain, id in (
        ("https://majora.invalid/", "SRV001"),
        (person.majora.url, "SRV004"),
    ):
        ran = init(person, domain=domain)
        assert (ran.code, f"[{id}]" in ran.err) == (0, True), ran
        assert person.kit.read_config() == {**person.config, "MAJORA_DOMAIN": domain}


def test_swapped_values_are_corrected_by_asking_where_no_length_tells_them_apart(
    person: Lab,
) -> None:
    """An application whose owner chose id and secret; those told by their lengths.

    At a terminal, below.
    """
    url, browser = (
        f"{person.majora.url}o/applications/register/",
        person.majora.browser(person.user),
    )
    form = Page(browser.get(url, timeout=20).text).form_with("client_id")
    own = {
        "client_id": "myOwnClientId-22",
        "client_secret": "my-own-Secret-Of-Another-Length",
    }
    kinds = {
        "client_type": "confidential",
        "authorization_grant_type": "authorization-code",
    }
    fields = {
        **form["fields"],
        **own,
        **kinds,
        "name": "mine",
        "redirect_uris": person.majora.redirect_uri,
    }
    assert browser.post(url, data=fields, timeout=20).ok
    ran = init(
        person,
        client_id=own["client_secret"],
        client_secret_file=file(person, own["client_id"]),
    )
    assert "were swapped; corrected" in ran.out, ran
    assert person.kit.read_config()["CLIENT_ID"] == own["client_id"]


def test_an_api_key_in_place_of_oauth_and_back(person: Lab) -> None:
    key = person.majora.add_legacy_key(person.user)
    person.kit.secrets.add(key)
    ran = init(person, api_key_file=file(person, key))
    assert (ran.code, "3 days" in ran.out) == (0, True), ran
    written = person.kit.read_config()
    assert written["MAJORA_TOKEN"] == key
    assert (
        written["CLIENT_ID"] == written["CLIENT_SECRET"] == "not-used-with-an-api-key"
    )
    assert "Nothing to change" in person.kit.run("init").out
    person.majora.revoke_legacy_key(key)
    assert person.kit.run("init", "--json").json["error"]["id"] == "API002"
    assert init(person).code == 0
    assert person.kit.read_config() == person.config


def test_all_else_in_a_file_stays_and_the_change_is_shown(person: Lab) -> None:
    old = (
        '{\r\n\t"mine": [1, 2.50],\r\n\t"MAJORA_USER": "old",\r\n'
        '\t"profile": {"x": {}}\r\n}'
    )
    person.kit.config.write_text(old, newline="")
    person.kit.config.chmod(0o640)
    for args in (("--dry-run",), ()):
        assert person.kit.config.read_bytes() == old.encode()
        ran = init(person, *args)
        assert '-\t"MAJORA_USER": "old"' in ran.out.replace("\\t", "\t")
        assert "**** (128 characters)" in ran.out
    after = person.kit.config.read_bytes().decode()
    assert after.startswith('{\r\n\t"mine": [1, 2.50],\r\n\t"MAJORA_USER": "person')
    assert '"profile": {"x": {}}' in after
    assert backups(person.kit) == [old.encode()]
    assert mode_of(person.kit.config) == 0o600


def test_a_broken_file_with_one_meaning_is_corrected(person: Lab) -> None:
    good = json.dumps(person.config, indent=4)
    for broken in (
        good.replace('"\n}', '",\n}'),
        good.replace("MAJORA_DOMAIN", "majora_domain"),
    ):
        person.kit.config.write_text(broken)
        ran = person.kit.run("init")
        assert (ran.code, "Corrected: " in ran.out) == (0, True), ran
        assert (person.kit.read_config(), backups(person.kit)[-1]) == (
            person.config,
            broken.encode(),
        )


def test_a_file_that_cannot_be_understood_is_replaced_with_a_yes_alone(
    person: Lab,
) -> None:
    secret = person.app.client_secret
    broken = f'{{"MAJORA_USER": who knows\n "CLIENT_SECRET": "{secret}'.encode()
    person.kit.config.write_bytes(broken)
    for ran in (init(person, "--json"), person.kit.run("init", "--json")):
        assert (ran.code, ran.json["error"]["id"]) == (2, "CFG002"), ran
        assert "--yes" in ran.json["error"]["what"]
    assert "CLIENT_ID is missing" in ran.json["error"]["what"]
    assert person.kit.config.read_bytes() == broken
    assert init(person, "--yes").code == 0
    assert (person.kit.read_config(), backups(person.kit)) == (person.config, [broken])


def test_the_object_default_and_profiles_have_layers_of_their_own(person: Lab) -> None:
    person.kit.write_config(
        {"MAJORA_USER": "root", "default": {**person.config, "MAJORA_USER": "old"}}
    )
    assert person.kit.run("init", "--user", person.user.name).code == 0
    assert person.kit.read_config() == {"MAJORA_USER": "root", "default": person.config}
    person.kit.write_config(
        other := {**person.config, "MAJORA_USER": "prod-user", "OCARINA_QUIET": "y"}
    )
    assert init(person, "--profile", "test").code == 0
    own = {**person.config, "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test"}
    assert person.kit.read_config() == {
        **other,
        "OCARINA_QUIET": 1,
        "profile": {"test": own},
    }
    assert "Nothing to change" in person.kit.run("init", "--profile", "test").out
    ran = person.kit.run("init", "--profile", "other", "--instance", "test")
    assert "CLIENT_ID is missing" in ran.err  # that of another Majora is not taken


def test_where_it_cannot_be_written_nothing_changes(person: Lab) -> None:
    config = person.kit.config
    for make, id in (
        (config.mkdir, "CFG001"),
        (lambda: config.symlink_to("nowhere/at/all"), "FIL004"),
        (lambda: config.write_text('{"profile": 3}'), "CFG010"),
    ):
        make()
        for more in ("--json", "--dry-run"):
            error = init(person, "--profile", "uk", "--json", more).json["error"]
            assert (error["id"], error["remedy"]["commands"] != []) == (id, True), error
        assert {path.name for path in person.kit.home.iterdir()} == {
            ".ocarina",
            "secret",
            "spool-crontab",
        }
        config.rmdir() if id == "CFG001" else config.unlink()


def test_another_domain_sets_the_tokens_aside(person: Lab) -> None:
    person.kit.write_config(
        {**person.config, "MAJORA_DOMAIN": "https://other.example.ac.uk/"}
    )
    token = person.give(LOOKUP)[LOOKUP]
    old = person.kit.tokens.read_bytes()
    ran = init(person)
    assert (ran.code, "set aside" in ran.out) == (0, True), ran
    assert not person.kit.tokens.exists()
    assert backups(person.kit, "tokens") == [old]
    person.kit.write_tokens({LOOKUP: token})
    assert "set aside" not in init(person, user="another").out
    assert "RFR006" in person.kit.run("refresh").err, (
        "they stay the other Majora's, wherever they are put"
    )


# --- at a terminal


def answers(lab: Lab) -> list[tuple[str, str]]:
    """Each question up to the link, and its answer."""
    return [
        ("Which Majora?", "3"),
        ("Its address:", lab.majora.url.rstrip("/")),
        ("Your Majora user name:", lab.user.name),
        ("Client id:", lab.app.client_id),
        ("Client secret (hidden):", lab.app.client_secret),
        PURPOSE,
        AGREE,
    ]


def is_all_set(lab: Lab) -> None:
    assert lab.kit.read_config() == lab.config
    assert mode_of(lab.kit.config) == mode_of(lab.kit.tokens) == 0o600
    assert lab.state() == "live"
    ours = (
        r"\d+ \S+ \* \* \* \S+ .*refresh --cron \|\| \S+/ocarina -q oauth refresh #"
        r" ocarina-kit\n"
    )
    assert re.fullmatch(re.escape(THE_LABS) + ours, lab.kit.crontab or "")


@pytest.mark.parametrize(
    ("columns", "env"),
    [(80, {}), (40, {"TERM": "dumb", "NO_COLOR": "1"})],
    ids=["80", "40 dumb"],
)
def test_from_nothing_to_ready_and_again(
    person: Lab, columns: int, env: dict[str, str]
) -> None:
    with person.screen("init", columns=columns, env=env) as screen:
        talk(screen, *answers(person))
        screen.paste(person.authorize(link_in(screen)) + "\n")
        talk(
            screen,
            "logged in",
            "scheduled  every 3 hours at :",
            "a test run refreshed 1 token",
        )
        talk(
            screen,
            "Ready. Try it:",
            "ocarina --oauth get biosample --central-sample-id",
            ends=0,
        )
        text = screen.text
        assert not env or not re.search(r"\x1b\[[0-9;]*m", screen.raw)  # no colour
    is_all_set(person)
    assert (
        len(set(re.findall(r"3\s+hours\s+at\s+:(\d\d)", text))) == 1
    )  # agreed to, and scheduled
    for url in (
        f"{person.majora.url}o/applications/register/",
        person.majora.redirect_uri,
    ):
        assert any(
            url in line for line in text.split("/o/authorize/")[0].splitlines()
        )  # whole
    wide = [line for line in text.splitlines() if len(line) > columns]
    assert not [
        line
        for line in wide
        if not re.search(r"://|\[Y/n\]|Client id|hidden|--oauth", line)
    ]
    kept = person.kit.config.read_bytes(), person.kit.crontab
    with person.screen("init", columns=columns, env=env) as screen:
        talk(
            screen, "logged in, refreshed by cron.", ("Change that? [y/N]", ""), ends=0
        )
        lines = [
            line for line in screen.text.splitlines() if line and "at most)" not in line
        ]
        assert columns < 80 or len(lines) == 3
    assert kept == (person.kit.config.read_bytes(), person.kit.crontab)


CONDA = """#!/bin/sh
case $1 in
info) echo '{"envs_dirs": ["'"$HOME"'/envs"]}' ;;
create)
    mkdir -p "${5%/*}" && cp -r "$HOME/made/." "$5" &&
        ln -sf /bin/true "$5/bin/python" ;;
esac
"""


def test_it_installs_a_client_and_one_step_that_fails_stops_no_other(
    person: Lab, client: Path
) -> None:
    conda = program(person.kit.home / "conda", CONDA)
    person.kit.extra |= {
        "CONDA_EXE": str(conda),
        "PATH": person.kit.env["PATH"].partition(":")[2],
    }
    with person.screen("init") as screen:
        talk(screen, *answers(person)[:-1], "install   ocarina 1.0.0 in ~/envs/ocarina")
        talk(
            screen,
            ("Apply these changes?", "?"),
            "ocarina-kit install-client --dry-run",
        )
        talk(screen, AGREE, "wrote", "[INS003]")
        screen.paste(person.authorize(link_in(screen)) + "\n")
        talk(
            screen,
            "scheduled",
            "Still missing: the client.",
            "Next step: ocarina-kit init   (goes on from here)",
            ends=1,
        )
    (person.kit.home / "made").symlink_to(client.parents[1])
    rest = "Still to do: the client and the crontab line."
    person.talk(
        "init --dry-run",
        rest,
        ("", ""),
        "install   ocarina 1.0.0",
        "Nothing was changed.",
    )
    person.talk(
        "init --yes",
        "installed  ocarina 1.0.0 in ~/envs/ocarina",
        "scheduled",
        "Ready.",
    )
    is_all_set(person)


def test_ctrl_c_leaves_everything_complete_and_init_goes_on_from_there(
    person: Lab,
) -> None:
    with person.screen("init") as screen:
        talk(screen, *answers(person))
        link_in(screen)
        screen.send(CTRL_C)
        talk(screen, "Interrupted", ends=130)
        assert screen.echoes
    assert (person.kit.config.exists(), person.kit.crontab) == (True, THE_LABS)
    with person.screen("init") as screen:  # no question of before is asked again
        talk(
            screen,
            "Still to do: a login and the crontab line.",
            ("Change that? [y/N]", ""),
            PURPOSE,
            AGREE,
        )
        screen.paste(person.authorize(link_in(screen)) + "\n")
        talk(screen, "Ready.", ends=0)
    is_all_set(person)


def test_a_line_that_was_disabled_is_left(person: Lab) -> None:
    """Only schedule uses it again."""
    person.kit.write_config(person.config)
    person.give(LOOKUP)
    seen = (
        "Still to do: the crontab line.",
        "valid      look up samples and runs",
        "scheduled",
        "Ready.",
    )
    assert "authorize" not in person.talk("init --yes", *seen)
    is_all_set(person)
    person.kit.crontab = off = (person.kit.crontab or "").replace(THE_LABS, "# ")
    person.talk(
        "init --yes", "commented out. To have one here anyway: ocarina-kit schedule"
    )
    assert person.kit.crontab == off


def test_each_answer_is_checked_at_once_and_nothing_pasted_is_shown(
    person: Lab,
) -> None:
    app, mistaken = person.app, "w" * 128
    person.kit.secrets.add(mistaken)
    address, name, id, secret = (question for question, _ in answers(person)[1:5])
    with person.screen("init") as screen:
        talk(screen, ("Which Majora?", "3"))
        for question, answer, said in (
            (address, "3", "does not start with https://"),
            (address, "https://nowhere.invalid/", "SRV001"),
            ("Use this address anyway? [y/N]", "", "Which Majora?"),
            (">", "3", address),
            (
                "",
                f" <{person.majora.url}o/applications/>",
                "one of Majora's pages; corrected",
            ),
            (name, "?", "Could you please approve my account?"),
            (name, "your-username", "placeholder"),
            (name, person.user.name, "Register ocarina"),
            (id, "?", "Could you please allow"),
            (id, "pbkdf2_sha256$1$a$b", "hash"),
            (id, app.client_id, "Client secret"),
            ("(hidden):", "your-client-secret", "placeholder"),
            (secret, app.client_id, "one of them was pasted twice"),
            (secret, mistaken, "does not accept"),
            (
                secret,
                "",
                "Client id",
            ),  # back to it: a secret pasted there is not shown either
            ("(hidden):", app.client_secret, "128 characters"),
            (secret, app.client_id, "were swapped; corrected"),
        ):
            talk(screen, (question, answer), said)
        talk(screen, "Majora accepts them.", PURPOSE)
        talk(screen, ("Apply these changes?", "n"), "Nothing was changed.", ends=0)
    assert not person.kit.config.exists()


def test_what_is_given_is_not_asked_and_yes_agrees(person: Lab) -> None:
    person.kit.write_config({"MAJORA_USER": "old", "mine": 1})
    seen = ('-    "MAJORA_USER": "old"', "wrote", "Next step: ocarina-kit login")
    command, given = (
        "init --config-only --yes --client-secret-file -",
        {**person.config, "CLIENT_SECRET": ""},
    )
    assert "This sets up" not in person.talk(
        command, answers(person)[4], *seen, env=given
    )
    assert person.kit.read_config() == {**person.config, "mine": 1}


def test_a_legacy_key_becomes_oauth_and_a_broken_file_is_replaced(person: Lab) -> None:
    key, filler = person.majora.add_legacy_key(person.user), "not-used-with-an-api-key"
    person.kit.secrets.add(key)
    legacy = {"MAJORA_TOKEN": key, "CLIENT_ID": filler, "CLIENT_SECRET": filler}
    person.kit.write_config({**person.config, **legacy})
    address, name = (
        (f"Its address [{person.majora.url}]", ""),
        (f"[{person.user.name}]", ""),
    )
    again = (("Change that?", "y"), ("[3] >", ""), address, name)
    person.talk(
        "init --config-only",
        "with a legacy API key",
        *again,
        *answers(person)[3:5],
        AGREE,
    )
    assert person.kit.read_config() == person.config
    same = (
        (f"Client id [{person.app.client_id}]", ""),
        ("keeps the current one (hidden):", ""),
    )
    person.talk("init --config-only", *again, *same, "Nothing to change")
    person.kit.write_config({**person.config, "MAJORA_DOMAIN": "https://example.org/"})
    person.talk("init --config-only", *answers(person)[:2], name, *same, AGREE)
    person.kit.config.write_bytes(b'{"MAJORA_USER": oops')
    text = person.talk(
        "init --config-only --json", "[CFG002]", *answers(person)[:5], AGREE
    )
    assert json.loads(text[text.index("\n{") :])["ok"]
    assert person.kit.read_config() == person.config


def test_a_server_that_fails_is_not_asked_about_the_rest(person: Lab) -> None:
    person.majora.fault("status", status=503, path="o/token/", times=None)
    anyway = ("[SRV004]", ("Use this address anyway?", "y"))
    person.talk(
        "init --config-only",
        *answers(person)[:2],
        *anyway,
        *answers(person)[2:5],
        AGREE,
    )
    assert person.kit.read_config() == person.config


@pytest.mark.parametrize("fault", ["wrong secret", "application deleted"])
def test_what_majora_refuses_is_not_set_up(person: Lab, fault: str) -> None:
    """Else doctor sends people here, and here nothing is to do."""
    wrong = {**person.config, "CLIENT_SECRET": "x1" * 64}
    person.kit.write_config(wrong if fault == "wrong secret" else person.config)
    app = person.app
    if fault == "application deleted":
        person.majora.remove_application(app)
        app = person.majora.add_application(person.user)
        person.kit.secrets.add(app.client_secret)
    text = person.talk(
        "init --config-only",
        "but it does not work",
        "Register the application again if it",
        (f"Client id [{person.app.client_id}]", app.client_id),
        ("Client secret (hidden):", app.client_secret),
        "Majora accepts them.",
        AGREE,
        "wrote",
    )
    assert "Which Majora?" not in text
    assert person.kit.read_config()["CLIENT_SECRET"] == app.client_secret


def test_the_next_step_is_what_is_missing(person: Lab) -> None:
    login, schedule = (
        f"Next step: ocarina-kit {name}" for name in ("login", "schedule")
    )
    assert init(person, "--yes").out.splitlines()[-1] == login
    person.give(LOOKUP)
    assert init(person, "--yes").out.splitlines()[-1] == schedule
    assert person.kit.run("schedule", "--yes").code == 0
    assert "Next step" not in init(person, "--yes").out
