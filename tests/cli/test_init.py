"""``ocarina-kit init`` as a process, without a terminal, against a sandbox Majora."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import Kit, Ran, mode_of

from ocarina_kit.sandbox.person import Page


@pytest.fixture
def person(lab: Lab) -> Lab:
    """Somebody with a registered application and no configuration."""
    lab.kit.config.unlink()
    return lab


def file(lab: Lab, text: str, name: str = "file") -> str:
    path = lab.kit.home / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return str(path)


def init(lab: Lab, *args: str, **changed: str) -> Ran:
    """With all options, some of them changed (``client_id="…"``), and more arguments."""
    secret = file(lab, f"\ufeff{lab.app.client_secret}\r\n", "secret")
    options = {"domain": lab.majora.url, "user": lab.user.name, "client_id": lab.app.client_id}
    options |= {"client_secret_file": secret, **changed}
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    return lab.kit.run("init", *words, *args)


def backups(kit: Kit, kind: str = "config") -> list[bytes]:
    return [path.read_bytes() for path in sorted((kit.state / "backups").glob(f"{kind}*"))]


def test_all_given_writes_a_private_file_and_the_second_run_changes_nothing(person: Lab) -> None:
    ran = init(person, "--json")
    assert ran.json == {"schema": 1, "command": "init", "ok": True, "exit": 0}, ran
    assert person.kit.config.read_text() == json.dumps(person.config, indent=4) + "\n"
    assert mode_of(person.kit.config) == 0o600
    before = person.kit.config.stat()
    assert "Nothing to change" in init(person, "--yes").out
    assert "Nothing to change" in person.kit.run("init").out  # the file's own values are the defaults
    assert person.kit.config.stat() == before
    assert not backups(person.kit)
    person.kit.config.chmod(0o644)
    assert person.kit.run("init").code == 0
    assert mode_of(person.kit.config) == 0o600


def test_from_the_environment_and_with_env_from_it_alone(person: Lab) -> None:
    older = {name.replace("CLIENT", "MAJORA_CLIENT"): value for name, value in person.config.items()}
    mixed = {**person.config, "MAJORA_CLIENT_SECRET": person.app.client_secret, "CLIENT_SECRET": ""}
    for env in (older, mixed):
        assert person.kit.run("init", env=env).code == 0
        assert person.kit.read_config() == person.config
        person.kit.config.unlink()
    person.kit.write_config(person.config)
    ran = person.kit.run("init", "--env", env={"MAJORA_USER": "bob"})
    assert (ran.code, "CLIENT_ID is missing" in ran.err) == (2, True)
    assert person.kit.run("init", "--env", env={**person.config, "MAJORA_USER": "bob"}).code == 0
    assert person.kit.read_config()["MAJORA_USER"] == "bob"


def test_all_that_is_missing_is_named_at_once(person: Lab) -> None:
    """Also for a new profile: the top level is mostly another Majora's, the object default is for all."""
    layers = {**person.config, "default": {"MAJORA_USER": person.user.name}}
    for settings, args, known in (({}, (), 0), (layers, ("--profile", "new"), 1)):
        person.kit.write_config(settings)
        ran = person.kit.run("init", "--json", *args)
        assert (ran.code, ran.json["error"]["id"]) == (2, "USE001")
        for words in ("--instance prod|test or --domain URL", "--client-id", "--client-secret-file"):
            assert words in ran.json["error"]["what"]
        assert ran.json["error"]["what"].count(" is missing") == 4 - known
    ran = person.kit.run("init", "--domain", "http://x.example.ac.uk/", "--user", "your-username", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (2, "CFG006")
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
    for words in ("--instance prod", "--client-secret-file - --api-key-file -", "--profile a/b"):
        assert init(person, *words.split()).code == 2, words
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
    assert init(person, "--offline", client_secret_file=wrong).code == 0
    assert not person.majora.requests


def test_without_a_usable_answer_it_is_written_with_a_warning(person: Lab) -> None:
    person.majora.fault("redirect", status=302, location="https://wifi.example/login", times=None)
    for domain, id in (("https://majora.invalid/", "SRV001"), (person.majora.url, "SRV004")):
        ran = init(person, domain=domain)
        assert (ran.code, f"[{id}]" in ran.err) == (0, True), ran
        assert person.kit.read_config() == {**person.config, "MAJORA_DOMAIN": domain}


def test_swapped_values_are_corrected_by_asking_where_no_length_tells_them_apart(person: Lab) -> None:
    """An application whose owner chose id and secret; those told by their lengths are in test_init_guided.py."""
    url, browser = f"{person.majora.url}o/applications/register/", person.majora.browser(person.user)
    form = Page(browser.get(url, timeout=20).text).form_with("client_id")
    assert form is not None
    own = {"client_id": "myOwnClientId-22", "client_secret": "my-own-Secret-Of-Another-Length"}
    kinds = {"client_type": "confidential", "authorization_grant_type": "authorization-code"}
    fields = {**form["fields"], **own, **kinds, "name": "mine", "redirect_uris": person.majora.redirect_uri}
    assert browser.post(url, data=fields, timeout=20).ok
    ran = init(person, client_id=own["client_secret"], client_secret_file=file(person, own["client_id"]))
    assert "were swapped; corrected" in ran.out, ran
    assert person.kit.read_config()["CLIENT_ID"] == own["client_id"]


def test_what_has_one_meaning_is_repaired_and_said(person: Lab) -> None:
    ran = init(person, domain=f" <{person.majora.url.rstrip('/')}//o/applications/?x=1#y> ", user=" 'alice' ")
    assert person.kit.read_config() == {**person.config, "MAJORA_USER": "alice"}
    assert "MAJORA_DOMAIN has a query" in ran.out
    assert "MAJORA_USER has spaces or quotes" in ran.out
    ran = init(person, "--offline", domain="https://majora.covid19.climb.ac.uk/", user="test-alice")
    assert "[CFG014]" in ran.err


def test_an_api_key_in_place_of_oauth_and_back(person: Lab) -> None:
    key = person.majora.add_legacy_key(person.user)
    person.kit.secrets.add(key)
    ran = init(person, api_key_file=file(person, key))
    assert (ran.code, "3 days" in ran.out) == (0, True), ran
    written = person.kit.read_config()
    assert written["MAJORA_TOKEN"] == key
    assert written["CLIENT_ID"] == written["CLIENT_SECRET"] == "not-used-with-an-api-key"
    assert "Nothing to change" in person.kit.run("init").out
    person.majora.revoke_legacy_key(key)
    assert person.kit.run("init", "--json").json["error"]["id"] == "API002"
    assert init(person).code == 0
    assert person.kit.read_config() == person.config


def test_all_else_in_a_file_stays_and_the_change_is_shown(person: Lab) -> None:
    old = '{\r\n\t"mine": [1, 2.50],\r\n\t"MAJORA_USER": "old",\r\n\t"profile": {"x": {}}\r\n}'
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
    for broken in (good.replace('"\n}', '",\n}'), good.replace("MAJORA_DOMAIN", "majora_domain")):
        person.kit.config.write_text(broken)
        ran = person.kit.run("init")
        assert (ran.code, "Corrected: " in ran.out) == (0, True), ran
        assert (person.kit.read_config(), backups(person.kit)[-1]) == (person.config, broken.encode())


def test_a_file_that_cannot_be_understood_is_replaced_with_a_yes_alone(person: Lab) -> None:
    broken = f'{{"MAJORA_USER": who knows\n "CLIENT_SECRET": "{person.app.client_secret}'.encode()
    person.kit.config.write_bytes(broken)
    for ran in (init(person, "--json"), person.kit.run("init", "--json")):
        assert (ran.code, ran.json["error"]["id"]) == (2, "CFG002"), ran
        assert "--yes" in ran.json["error"]["what"]
    assert "CLIENT_ID is missing" in ran.json["error"]["what"]
    assert person.kit.config.read_bytes() == broken
    assert init(person, "--yes").code == 0
    assert (person.kit.read_config(), backups(person.kit)) == (person.config, [broken])


def test_the_object_default_and_profiles_have_layers_of_their_own(person: Lab) -> None:
    person.kit.write_config({"MAJORA_USER": "root", "default": {**person.config, "MAJORA_USER": "old"}})
    assert person.kit.run("init", "--user", person.user.name).code == 0
    assert person.kit.read_config() == {"MAJORA_USER": "root", "default": person.config}
    person.kit.write_config({**person.config, "MAJORA_USER": "prod-user"})
    assert init(person, "--profile", "test").code == 0
    own = {**person.config, "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test"}
    written = {**person.config, "MAJORA_USER": "prod-user", "profile": {"test": own}}
    assert person.kit.read_config() == written
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
        ran = init(person, "--profile", "uk", "--json")
        assert (ran.code, ran.json["error"]["id"]) == (1, id), ran
        assert sorted(path.name for path in person.kit.home.iterdir()) == [".ocarina", "secret"]
        config.rmdir() if id == "CFG001" else config.unlink()


def test_another_domain_sets_the_tokens_aside(person: Lab) -> None:
    person.kit.write_config({**person.config, "MAJORA_DOMAIN": "https://other.example.ac.uk/"})
    token = person.give(LOOKUP)[LOOKUP]
    old = person.kit.tokens.read_bytes()
    ran = init(person)
    assert (ran.code, "set aside" in ran.out) == (0, True), ran
    assert not person.kit.tokens.exists()
    assert backups(person.kit, "tokens") == [old]
    person.kit.write_tokens({LOOKUP: token})
    assert "set aside" not in init(person, user="another").out
