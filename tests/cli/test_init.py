"""``ocarina-kit init`` as a process, without a terminal, against a sandbox Majora."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import Kit, Ran, mode_of

from ocarina_kit.sandbox import Sandbox
from ocarina_kit.sandbox.person import Page


class Person(Lab):
    """Somebody with a registered application and no configuration: all of it is in options."""

    def __init__(self, kit: Kit, majora: Sandbox, client: Path) -> None:
        super().__init__(kit, majora, client)
        kit.config.unlink()
        self.settings = self.config
        self.options = {
            "--domain": majora.url,
            "--user": self.user.name,
            "--client-id": self.app.client_id,
            "--client-secret-file": self.file("secret", self.app.client_secret + "\n"),
        }

    def file(self, name: str, text: str | bytes) -> str:
        path = self.kit.home / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def init(self, *args: str, env: Mapping[str, str] | None = None, **changed: str) -> Ran:
        """All options, some of them changed (``client_id="…"``), and more arguments."""
        options = self.options | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
        return self.bare(*(word for pair in options.items() for word in pair), *args, env=env)

    def bare(self, *args: str, **more: Any) -> Ran:
        return self.kit.run("init", *args, **more)


@pytest.fixture
def person(kit: Kit, running: Sandbox, client: Path) -> Iterator[Person]:
    yield Person(kit, running, client)
    running.clear_faults()


def backups(kit: Kit, kind: str = "config") -> list[bytes]:
    return [path.read_bytes() for path in sorted((kit.state / "backups").glob(f"{kind}*"))]


# --- written, and written twice -------------------------------------------------------------------------------------


def test_all_given_writes_a_private_file_and_the_second_run_changes_nothing(person: Person) -> None:
    ran = person.init("--json")
    assert ran.json == {"schema": 1, "command": "init", "ok": True, "exit": 0}, ran
    assert person.kit.config.read_text() == json.dumps(person.settings, indent=4) + "\n"
    assert mode_of(person.kit.config) == 0o600
    before = person.kit.config.stat()
    assert "Nothing to change" in person.init("--yes").out
    assert "Nothing to change" in person.bare().out  # the file's own values are the defaults
    assert person.kit.config.stat() == before
    assert not backups(person.kit)
    person.kit.config.chmod(0o644)
    assert person.bare().code == 0
    assert mode_of(person.kit.config) == 0o600


def test_everything_from_the_environment(person: Person) -> None:
    named = {name.replace("CLIENT", "MAJORA_CLIENT"): value for name, value in person.settings.items()}
    assert person.bare(env=named).code == 0
    assert person.kit.read_config() == person.settings


def test_env_takes_the_set_up_from_the_environment_alone(person: Person) -> None:
    person.kit.write_config({**person.settings, "mine": 1})
    ran = person.bare("--env", env={"MAJORA_USER": "bob"})
    assert (ran.code, "CLIENT_ID is missing" in ran.err) == (2, True)
    assert person.bare("--env", env={**person.settings, "MAJORA_TOKENS_FILE": "~/there"}).code == 0
    assert person.kit.read_config()["MAJORA_TOKENS_FILE"] == "~/there"


def test_the_secret_comes_from_standard_input(person: Person) -> None:
    rest = [word for pair in list(person.options.items())[:3] for word in pair]
    ran = person.bare(*rest, "--client-secret-file", "-", stdin=f"\ufeff{person.app.client_secret}\r\n")
    assert ran.code == 0, ran
    assert person.kit.read_config() == person.settings


# --- missing, or wrong ------------------------------------------------------------------------------------------------


def test_all_that_is_missing_is_named_at_once(kit: Kit) -> None:
    ran = kit.run("init", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (2, "USE001")
    for words in ("--instance prod|test or --domain URL", "--user", "--client-id", "--client-secret-file"):
        assert words in ran.json["error"]["what"]
    ran = kit.run("init", "--domain", "http://x.example.ac.uk/", "--user", "your-username", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (2, "CFG006")
    assert "CLIENT_SECRET is missing" in ran.json["error"]["what"]
    assert not kit.config.exists()


@pytest.mark.parametrize(
    ("option", "value", "id"),
    [
        ("domain", "https://user:hunter22@majora.example.ac.uk/", "CFG006"),
        ("user", "your-username", "CFG005"),
        ("user", "a b", "USE001"),
        ("client_id", "", "CFG004"),
        ("client_secret_file", "pbkdf2_sha256$260000$salt$hash=", "CFG009"),
        ("client_secret_file", " \n", "CFG004"),
        ("client_secret_file", "one\ntwo\n", "USE001"),
        ("client_secret_file", b"\xff\xfe\xfd", "USE001"),
    ],
)
def test_a_value_that_cannot_be_used_is_wrong_usage(
    person: Person, option: str, value: str | bytes, id: str
) -> None:
    given = person.file("bad", value) if option.endswith("file") else str(value)
    ran = person.init("--offline", "--json", **{option: given})
    assert (ran.code, ran.json["error"]["id"]) == (2, id), ran
    assert "hunter22" not in ran.all
    assert not person.kit.config.exists()


def test_options_that_exclude_each_other_and_secrets_in_the_wrong_place(person: Person) -> None:
    secret = person.app.client_secret
    both = ("--client-secret-file", "-", "--api-key-file", "-")
    for args in (("--instance", "prod"), ("--instance", "staging"), both, ("--profile", "a/b"), (secret,)):
        assert person.init(*args).code == 2, args
    assert "history" in person.bare("--client-secret-file", secret).err


# --- the server's word ----------------------------------------------------------------------------------------------


def test_a_no_is_written_with_force_alone(person: Person) -> None:
    wrong = person.file("wrong", "w" * 128)
    ran = person.init("--json", client_secret_file=wrong)
    assert (ran.code, ran.json["error"]["id"]) == (1, "CRD001")
    assert not person.kit.config.exists()
    ran = person.init("--force", client_secret_file=wrong)
    assert (ran.code, "[CRD001]" in ran.err) == (0, True)
    assert person.kit.read_config()["CLIENT_SECRET"] == "w" * 128


def test_offline_asks_nobody(person: Person) -> None:
    person.majora.clear_requests()
    assert person.init("--offline", client_secret_file=person.file("wrong", "w" * 128)).code == 0
    assert not person.majora.requests


def test_without_a_usable_answer_it_is_written_with_a_warning(person: Person) -> None:
    assert_warned(person, "https://majora.invalid/", "SRV001")
    assert_warned(person, "http://127.0.0.1:9/", "SRV002")
    person.majora.fault("redirect", status=302, location="https://wifi.example/login")
    assert_warned(person, person.majora.url, "SRV004")


def assert_warned(person: Person, domain: str, id: str) -> None:
    person.kit.config.unlink(missing_ok=True)
    ran = person.init(domain=domain)
    assert (ran.code, f"[{id}]" in ran.err) == (0, True), ran
    assert person.kit.read_config() == {**person.settings, "MAJORA_DOMAIN": domain}


def test_swapped_values_are_corrected(person: Person) -> None:
    swapped = person.file("id", person.app.client_id)
    person.kit.secrets.clear()
    ran = person.init(client_id=person.app.client_secret, client_secret_file=swapped)
    assert "were swapped; corrected" in ran.out
    assert person.kit.read_config() == person.settings
    # An application whose owner chose id and secret: no length tells them apart, the server does.
    url = f"{person.majora.url}o/applications/register/"
    browser = person.majora.browser(person.user)
    form = Page(browser.get(url, timeout=20).text).form_with("client_id")
    assert form is not None
    own = {
        "name": "mine",
        "client_id": "myOwnClientId-22",
        "client_secret": "my-own-Secret-Of-Another-Length",
    }
    kinds = {"client_type": "confidential", "authorization_grant_type": "authorization-code"}
    fields = {**form["fields"], **own, **kinds, "redirect_uris": person.majora.redirect_uri}
    assert browser.post(url, data=fields, timeout=20).ok
    ran = person.init(client_id=own["client_secret"], client_secret_file=person.file("id", own["client_id"]))
    assert "were swapped; corrected" in ran.out, ran
    assert person.kit.read_config()["CLIENT_ID"] == own["client_id"]


def test_what_has_one_meaning_is_repaired_and_said(person: Person) -> None:
    domain = f" <{person.majora.url.rstrip('/')}//o/applications/?x=1#y> "
    ran = person.init(domain=domain, user=" 'alice' ", client_id=f'"{person.app.client_id}" ')
    assert ran.code == 0, ran
    assert person.kit.read_config() == {**person.settings, "MAJORA_USER": "alice"}
    for words in ("MAJORA_DOMAIN has a query", "MAJORA_USER has spaces or quotes", "CLIENT_ID has quotes"):
        assert words in ran.out
    ran = person.init("--offline", domain="https://majora.covid19.climb.ac.uk/", user="test-alice")
    assert "[CFG014]" in ran.err


def test_an_api_key_in_place_of_oauth_and_back(person: Person) -> None:
    key = person.majora.add_legacy_key(person.user)
    person.kit.secrets.add(key)
    where = ("--domain", person.majora.url, "--user", person.user.name)
    args = (*where, "--api-key-file", person.file("key", key))
    ran = person.bare(*args)
    assert (ran.code, "3 days" in ran.out) == (0, True), ran
    written = person.kit.read_config()
    assert written["MAJORA_TOKEN"] == key
    assert written["CLIENT_ID"] == written["CLIENT_SECRET"] == "not-used-with-an-api-key"
    assert "Nothing to change" in person.bare().out
    assert person.bare(*args[:-1], person.file("key", "OAUTH"), "--json").json["error"]["id"] == "CFG008"
    person.majora.revoke_legacy_key(key)
    assert person.bare("--json").json["error"]["id"] == "API002"
    assert person.init().code == 0
    assert person.kit.read_config() == person.settings


# --- an existing file -------------------------------------------------------------------------------------------------


def test_all_else_in_a_file_stays_and_the_change_is_shown(person: Person) -> None:
    old = '{\r\n\t"mine": [1, 2.50],\r\n\t"MAJORA_USER": "old",\r\n\t"profile": {"x": {}}\r\n}'
    person.kit.config.write_text(old, newline="")
    person.kit.config.chmod(0o640)
    for args in (("--dry-run",), ()):
        assert person.kit.config.read_bytes() == old.encode()
        ran = person.init(*args)
        assert '-\t"MAJORA_USER": "old"' in ran.out.replace("\\t", "\t")
        assert "**** (128 characters)" in ran.out
    after = person.kit.config.read_bytes().decode()
    assert after.startswith('{\r\n\t"mine": [1, 2.50],\r\n\t"MAJORA_USER": "person')
    assert '"profile": {"x": {}}' in after
    assert backups(person.kit) == [old.encode()]
    assert mode_of(person.kit.config) == 0o600


@pytest.mark.parametrize(
    "broken",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.replace('"\n}', '",\n}').encode(),
        lambda text: text.replace("MAJORA_DOMAIN", "majora_domain").encode(),
    ],
    ids=["UTF-16", "trailing comma", "another name"],
)
def test_a_broken_file_with_one_meaning_is_corrected(person: Person, broken: Callable[[str], bytes]) -> None:
    before = broken(json.dumps(person.settings, indent=4))
    person.kit.config.write_bytes(before)
    ran = person.bare()
    assert (ran.code, "Corrected: " in ran.out) == (0, True), ran
    assert person.kit.read_config() == person.settings
    assert backups(person.kit) == [before]
    assert person.app.client_secret[:12] not in ran.all.replace("\\x00", "").replace("\0", "")
    assert "Nothing to change" in person.bare().out


def test_a_file_that_cannot_be_understood_is_replaced_with_a_yes_alone(person: Person) -> None:
    broken = f'{{"MAJORA_USER": who knows\n "CLIENT_SECRET": "{person.app.client_secret}'.encode()
    person.kit.config.write_bytes(broken)
    for ran in (person.init("--json"), person.bare("--json")):
        assert (ran.code, ran.json["error"]["id"]) == (2, "CFG002"), ran
        assert "--yes" in ran.json["error"]["what"]
    assert "CLIENT_ID is missing" in ran.json["error"]["what"]
    assert person.kit.config.read_bytes() == broken
    assert person.init("--yes").code == 0
    assert (person.kit.read_config(), backups(person.kit)) == (person.settings, [broken])
    person.kit.config.write_bytes(b"\n")
    assert person.init().code == 0


def test_the_object_default_and_profiles_have_layers_of_their_own(person: Person) -> None:
    person.kit.write_config({"MAJORA_USER": "root", "default": {**person.settings, "MAJORA_USER": "old"}})
    assert person.bare("--user", person.user.name).code == 0
    assert person.kit.read_config() == {"MAJORA_USER": "root", "default": person.settings}
    person.kit.write_config({**person.settings, "MAJORA_USER": "prod-user"})
    assert person.init("--profile", "test").code == 0
    own = {**person.settings, "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test"}
    assert person.kit.read_config() == {
        **person.settings,
        "MAJORA_USER": "prod-user",
        "profile": {"test": own},
    }
    assert "Nothing to change" in person.bare("--profile", "test").out
    assert "CLIENT_ID is missing" in person.bare("--profile", "other").err  # another Majora's, mostly


@pytest.mark.parametrize(
    ("make", "id"),
    [
        (lambda path: path.mkdir(), "CFG001"),
        (lambda path: path.symlink_to("nowhere/at/all"), "FIL004"),
        (lambda path: path.write_text('{"profile": 3}'), "CFG010"),
    ],
)
def test_where_it_cannot_be_written_nothing_changes(
    person: Person, make: Callable[[Path], Any], id: str
) -> None:
    make(person.kit.config)
    ran = person.init("--profile", "uk", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, id), ran
    assert sorted(path.name for path in person.kit.home.iterdir()) == [".ocarina", "secret"]


def test_another_domain_sets_the_tokens_aside(person: Person, running: Sandbox) -> None:
    token = running.grant(person.user, person.app, LOOKUP)
    person.kit.write_config({**person.settings, "MAJORA_DOMAIN": "https://other.example.ac.uk/"})
    person.kit.write_tokens({LOOKUP: token})
    old = person.kit.tokens.read_bytes()
    assert "CLIENT_ID is missing" in person.bare("--domain", running.url).err  # not sent to another server
    ran = person.init()
    assert (ran.code, "set aside" in ran.out) == (0, True), ran
    assert not person.kit.tokens.exists()
    assert backups(person.kit, "tokens") == [old]
    person.kit.write_tokens({LOOKUP: token})
    assert "set aside" not in person.init(user="another").out
