"""``ocarina-kit init`` as a process, without a terminal, against a sandbox Majora."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ocarina_kit.sandbox import Application, Sandbox, User
from ocarina_kit.sandbox.person import Page

if TYPE_CHECKING:
    from tests.conftest import Kit, Ran

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@dataclass
class Person:
    """Someone with a registered application."""

    kit: Kit
    majora: Sandbox
    user: User
    app: Application

    @property
    def secret_file(self) -> str:
        return self.store("secret", self.app.client_secret + "\n")

    def store(self, name: str, text: str) -> str:
        path = self.kit.home / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    @property
    def all(self) -> tuple[str, ...]:
        return (
            *("--domain", self.majora.url, "--user", self.user.name),
            *("--client-id", self.app.client_id, "--client-secret-file", self.secret_file),
        )

    @property
    def members(self) -> dict[str, str]:
        return {
            "MAJORA_DOMAIN": self.majora.url,
            "MAJORA_USER": self.user.name,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": self.app.client_id,
            "CLIENT_SECRET": self.app.client_secret,
        }

    def init(self, *args: str, **more: Any) -> Ran:
        return self.kit.run("init", *args, **more)


@pytest.fixture
def person(kit: Kit, running: Sandbox) -> Iterator[Person]:
    user = running.add_user(f"user{next(_numbers)}")
    app = running.add_application(user)
    kit.secrets.add(app.client_secret)
    yield Person(kit, running, user, app)
    running.clear_faults()
    running.clear_requests()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def backups(kit: Kit) -> list[bytes]:
    return [path.read_bytes() for path in sorted((kit.state / "backups").glob("config-*"))]


# --- the plain way


def test_all_given_writes_a_private_file_as_the_guide_has_it(person: Person) -> None:
    ran = person.init(*person.all, "--json")
    assert ran.code == 0, ran
    assert person.kit.config.read_text() == json.dumps(person.members, indent=4) + "\n"
    assert mode(person.kit.config) == 0o600
    document = ran.json
    assert document["ok"] is document["changed"] is True
    assert (document["server"], document["domain"], document["user"]) == (
        *("accepts", person.majora.url),
        person.user.name,
    )
    assert document["client_id"] == person.app.client_id[-4:]
    assert document["config"] == str(person.kit.config)
    assert document["backup"] is document["profile"] is None


def test_twice_the_same_changes_nothing_and_says_so(person: Person) -> None:
    person.init(*person.all)
    before = person.kit.config.stat()
    ran = person.init(*person.all)
    assert ran.code == 0
    assert "Nothing to change" in ran.out
    after = person.kit.config.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert person.init("--json").json["changed"] is False  # the file's own values are the defaults
    assert not backups(person.kit)


def test_a_looser_mode_is_mended_also_where_nothing_else_changes(person: Person) -> None:
    person.kit.write_config(person.members, mode=0o644)
    ran = person.init("--json")
    assert ran.code == 0
    assert mode(person.kit.config) == 0o600
    assert "0600" in " ".join(ran.json["changes"])
    assert ran.json["changed"] is True


def test_everything_from_the_environment(person: Person) -> None:
    for names in (("CLIENT_ID", "CLIENT_SECRET"), ("MAJORA_CLIENT_ID", "MAJORA_CLIENT_SECRET")):
        person.kit.config.unlink(missing_ok=True)
        variables = {
            "MAJORA_DOMAIN": person.majora.url,
            "MAJORA_USER": person.user.name,
            names[0]: person.app.client_id,
            names[1]: person.app.client_secret,
        }
        ran = person.init(env=variables)
        assert ran.code == 0, ran
        assert person.kit.read_config() == person.members


def test_the_secret_from_standard_input(person: Person) -> None:
    args = ("--domain", person.majora.url, "--user", person.user.name, "--client-id", person.app.client_id)
    for text in (person.app.client_secret, f"\ufeff{person.app.client_secret}\r\n"):
        person.kit.config.unlink(missing_ok=True)
        ran = person.init(*args, "--client-secret-file", "-", stdin=text)
        assert ran.code == 0, ran
        assert person.kit.read_config() == person.members


def test_with_env_the_file_is_no_default(person: Person) -> None:
    person.kit.write_config({**person.members, "mine": 1})
    ran = person.init("--env", "--profile", "x", env={"MAJORA_USER": "bob"})
    assert ran.code == 2
    assert "CLIENT_ID" in ran.err
    assert "--profile x is ignored" in ran.all
    variables = {**person.members, "MAJORA_USER": "bob", "MAJORA_TOKENS_FILE": "~/there"}
    ran = person.init("--env", env=variables)
    assert ran.code == 0, ran
    assert person.kit.read_config() == {**person.members, "mine": 1, **variables}
    assert "--env" not in ran.out.split("Next:")[1]


# --- what is missing or wrong


def test_without_a_terminal_all_that_is_missing_is_named_at_once(kit: Kit) -> None:
    ran = kit.run("init", "--json")
    assert ran.code == 2
    assert ran.json["missing"] == ["MAJORA_DOMAIN", "MAJORA_USER", "CLIENT_ID", "CLIENT_SECRET"]
    for words in ("--instance prod|test", "--domain URL", "--user", "--client-id", "--client-secret-file"):
        assert words in ran.json["error"]["what"]
    assert not kit.config.exists()


@pytest.mark.parametrize(
    ("option", "value", "id"),
    [
        ("--domain", "majora.example.ac.uk", "CFG006"),
        ("--domain", "http://majora.example.ac.uk/", "CFG006"),
        ("--domain", "https://user:hunter22@majora.example.ac.uk/", "CFG006"),
        ("--domain", "https://example.org/", "CFG005"),
        ("--domain", "", "CFG004"),
        ("--user", "your-username", "CFG005"),
        ("--user", " ", "CFG004"),
        ("--client-id", "your-client-id", "CFG005"),
        ("--client-id", "pbkdf2_sha256$1$x$y", "CFG009"),
        ("--client-id", "", "CFG004"),
    ],
)
def test_a_bad_value_is_wrong_usage_with_the_reason(person: Person, option: str, value: str, id: str) -> None:
    person.kit.secrets.add("hunter22")
    args = list(person.all)
    args[args.index(option) + 1] = value
    ran = person.init(*args, "--offline", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (2, id), ran
    assert not person.kit.config.exists()


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("your-client-secret\n", "CFG005"),
        ("pbkdf2_sha256$260000$salt$hash=\n", "CFG009"),
        (" \n", "CFG004"),
        ("one\ntwo\n", "USE001"),
    ],
)
def test_a_bad_secret_is_wrong_usage_too(person: Person, text: str, id: str) -> None:
    ran = person.init(*person.all[:-1], person.store("bad", text), "--json")
    assert (ran.code, ran.json["error"]["id"]) == (2, id), ran


def test_wrong_uses_of_the_options(person: Person) -> None:
    for args in (
        ("--instance", "prod", "--domain", person.majora.url),
        ("--instance", "staging"),
        ("--client-secret-file", "-", "--api-key-file", "-"),
        ("--client-secret-file", str(person.kit.home / "nowhere")),
        ("--profile", "a/b", *person.all),
    ):
        assert person.init(*args).code == 2
    assert not person.kit.config.exists()


def test_a_secret_given_for_a_files_name_is_not_repeated(person: Person) -> None:
    ran = person.init("--client-secret-file", person.app.client_secret)
    assert ran.code == 2
    assert "history" in ran.err
    for args in (("--client-secret", person.app.client_secret), (person.app.client_secret,)):
        assert person.init(*args).code == 2


# --- the server's word


def test_a_no_is_not_written_without_force(person: Person) -> None:
    wrong = person.store("wrong", "w" * 128)
    ran = person.init(*person.all[:-1], wrong, "--json")
    assert (ran.code, ran.json["error"]["id"], ran.json["server"]) == (1, "CRD001", "refuses")
    assert not person.kit.config.exists()
    ran = person.init(*person.all[:-1], wrong, "--force", "--json")
    assert (ran.code, ran.json["server"]) == (0, "refuses")
    assert "CRD001" in ran.json["warnings"][0]
    assert person.kit.read_config()["CLIENT_SECRET"] == "w" * 128


def test_offline_asks_nobody(person: Person) -> None:
    person.majora.clear_requests()
    wrong = person.store("wrong", "w" * 128)
    ran = person.init(*person.all[:-1], wrong, "--offline", "--json")
    assert (ran.code, ran.json["server"]) == (0, "not asked")
    assert not person.majora.requests


def test_no_usable_answer_is_a_warning_and_each_has_its_own(person: Person) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    said: dict[str, str] = {}
    with Sandbox.start(tls=True) as unknown_authority:
        for name, domain in (
            ("down", nobody),
            ("certificate", unknown_authority.url),
            ("no such host", "https://majora.invalid/"),
        ):
            said[name] = warned(person, domain)
    for name, fault in (
        ("no Majora", {"kind": "html", "status": 200}),
        ("captive portal", {"kind": "redirect", "status": 302, "location": "https://wifi.example/login"}),
        ("busy", {"kind": "status", "status": 503}),
    ):
        person.majora.fault(**fault)
        said[name] = warned(person, person.majora.url)
        person.majora.clear_faults()
    assert len(set(said.values())) == len(said)
    wanted = {
        "down": "SRV002",
        "certificate": "SRV003",
        "no such host": "SRV001",
        "no Majora": "SRV004",
        "captive portal": "SRV004",
        "busy": "SRV004",
    }
    assert {name: words[1:7] for name, words in said.items()} == wanted


def warned(person: Person, domain: str) -> str:
    """The warning that init gives for a server; the file is written all the same."""
    person.kit.config.unlink(missing_ok=True)
    ran = person.init("--domain", domain, *person.all[2:], "--json")
    assert (ran.code, ran.json["server"]) == (0, "unknown"), ran
    assert person.kit.read_config() == {**person.members, "MAJORA_DOMAIN": domain}
    [warning] = ran.json["warnings"]
    assert warning in " ".join(ran.err.split("\n"))
    return str(warning)


def test_swapped_values_are_put_right_by_their_lengths(person: Person) -> None:
    swapped = (*person.all[:4], "--client-id", person.app.client_secret)
    for more in ((), ("--offline",)):
        person.kit.config.unlink(missing_ok=True)
        ran = person.init(*swapped, "--client-secret-file", person.store("id", person.app.client_id), *more)
        assert ran.code == 0, ran
        assert "each other's place" in ran.out
        assert person.kit.read_config() == person.members


def test_swapped_values_are_put_right_by_asking_the_server(person: Person) -> None:
    own_id, own_secret = "myOwnClientId-22", "my-own-Secret-Of-Another-Length-5566"
    person.kit.secrets.add(own_secret)
    browser = person.majora.browser(person.user)
    url = person.majora.url + "o/applications/register/"
    form = Page(browser.get(url, timeout=20).text).form_with("client_id")
    assert form is not None
    fields = {
        **form["fields"],
        "name": "mine",
        "client_id": own_id,
        "client_secret": own_secret,
        "client_type": "confidential",
        "authorization_grant_type": "authorization-code",
        "redirect_uris": person.majora.redirect_uri,
    }
    assert browser.post(url, data=fields, timeout=20).ok
    args = (*person.all[:4], "--client-id", own_secret, "--client-secret-file", person.store("id", own_id))
    ran = person.init(*args, "--json")
    assert ran.code == 0, ran
    assert "the server takes them the other way round" in " ".join(ran.json["changes"])
    assert person.kit.read_config()["CLIENT_ID"] == own_id
    assert person.kit.read_config()["CLIENT_SECRET"] == own_secret


def test_the_domain_is_mended_and_that_is_said(person: Person) -> None:
    args = ("--domain", f" <{person.majora.url.rstrip('/')}//o/applications/?x=1#y> ", *person.all[2:])
    ran = person.init(*args, "--json")
    assert ran.code == 0, ran
    assert person.kit.read_config()["MAJORA_DOMAIN"] == person.majora.url
    assert any("Majora's own pages" in change for change in ran.json["changes"])


def test_a_user_of_the_other_instance_is_warned_of(person: Person) -> None:
    args = ("--instance", "prod", "--user", "test-alice", *person.all[4:], "--offline", "--json")
    ran = person.init(*args)
    assert ran.code == 0, ran
    assert ran.json["domain"] == "https://majora.covid19.climb.ac.uk/"
    assert any("CFG014" in warning for warning in ran.json["warnings"])


# --- an API key


def test_an_api_key_in_place_of_oauth_and_back(person: Person) -> None:
    key = person.majora.add_legacy_key(person.user)
    person.kit.secrets.add(key)
    key_file = person.store("key", key + "\n")
    ran = person.init("--domain", person.majora.url, "--user", person.user.name, "--api-key-file", key_file)
    assert ran.code == 0, ran
    written = person.kit.read_config()
    assert written["MAJORA_TOKEN"] == key
    assert written["CLIENT_ID"] == written["CLIENT_SECRET"] == "not-used-with-an-api-key"
    assert "3 days" in ran.out
    assert person.init("--json").json["changed"] is False
    person.majora.revoke_legacy_key(key)
    ran = person.init("--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, "API002")
    assert person.init(*person.all[4:]).code == 0
    assert person.kit.read_config() == person.members


# --- an existing file


def test_the_rest_of_a_file_stays_and_the_old_one_is_kept(person: Person) -> None:
    old = '{\r\n\t"mine": [1, 2.50],\r\n\t"MAJORA_USER": "old",\r\n\t"profile": {"x": {}}\r\n}'
    person.kit.config.write_text(old, newline="")
    person.kit.config.chmod(0o640)
    ran = person.init(*person.all, "--json")
    assert ran.code == 0, ran
    after = person.kit.config.read_bytes().decode()
    assert after.startswith('{\r\n\t"mine": [1, 2.50],\r\n\t"MAJORA_USER": "user')
    assert '"profile": {"x": {}}' in after
    assert backups(person.kit) == [old.encode()]
    assert ran.json["backup"] == str(next((person.kit.state / "backups").glob("config-*")))
    assert mode(person.kit.config) == 0o600


BROKEN_WITH_ONE_MEANING = {
    "byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "trailing comma": lambda text: text.replace('"\n}', '",\n}').encode(),
    "comment": lambda text: ("# my config\n" + text).encode(),
    "single quotes": lambda text: text.replace('"', "'").encode(),
    "curly quotes": lambda text: text.replace('"', "”").encode(),
    "Python's dict": lambda text: (text.replace('"', "'").replace("\n}", ",\n 'x': None}")).encode(),
    "secret over two lines": lambda text: text.replace('",\n    "CLIENT_ID', '" ,\n    "CLIENT_ID').encode(),
    "no last slash": lambda text: text.replace('/",', '",').encode(),
    "another name": lambda text: text.replace("MAJORA_DOMAIN", "majora_domain").encode(),
}


@pytest.mark.parametrize("name", BROKEN_WITH_ONE_MEANING)
def test_a_broken_file_with_one_meaning_is_mended(person: Person, name: str) -> None:
    broken = BROKEN_WITH_ONE_MEANING[name](json.dumps(person.members, indent=4))
    person.kit.config.write_bytes(broken)
    ran = person.init()
    assert ran.code == 0, ran
    written = person.kit.read_config()
    assert {key: written[key] for key in person.members} == person.members
    if name != "secret over two lines":
        assert backups(person.kit) == [broken]
        assert "CFG00" in ran.out
    assert person.init("--json").json["changed"] is False


def test_a_secret_that_is_broken_over_lines_is_hidden_in_the_diff(person: Person) -> None:
    secret = person.app.client_secret
    text = json.dumps(person.members, indent=4)
    person.kit.config.write_text(text.replace(secret, f"{secret[:50]}\n{secret[50:]}"))
    person.kit.secrets |= {secret[:50], secret[50:]}
    ran = person.init()
    assert ran.code == 0, ran
    assert person.kit.read_config() == person.members


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_no_secret_shows_in_the_diff_of_another_encoding(person: Person, encoding: str) -> None:
    person.kit.config.write_bytes(json.dumps(person.members, indent=1).encode(encoding))
    ran = person.init()
    assert ran.code == 0, ran
    assert person.app.client_secret[:12] not in ran.all.replace("\\x00", "").replace("\0", "")


def test_a_broken_file_without_meaning_is_not_overwritten_without_a_yes(person: Person) -> None:
    broken = f'{{"MAJORA_USER": who knows\n "CLIENT_SECRET": "{person.app.client_secret}'.encode()
    person.kit.config.write_bytes(broken)
    ran = person.init(*person.all, "--json")
    assert (ran.code, ran.json["error"]["id"]) == (2, "CFG002"), ran
    assert f"{person.kit.config}:1:17: there is a value without quotes" in ran.json["error"]["what"]
    assert "--yes" in ran.json["error"]["what"]
    assert person.kit.config.read_bytes() == broken
    ran = person.init("--json")  # what is missing beside it is named in the same breath
    assert ran.json["missing"] == ["MAJORA_DOMAIN", "MAJORA_USER", "CLIENT_ID", "CLIENT_SECRET"]
    assert "--yes" in ran.json["error"]["what"]
    ran = person.init(*person.all, "--yes")
    assert ran.code == 0, ran
    assert person.kit.read_config() == person.members
    assert backups(person.kit) == [broken]


def test_an_empty_file_is_filled(person: Person) -> None:
    for content in (b"", b"\n \n"):
        person.kit.config.write_bytes(content)
        assert person.init(*person.all).code == 0
        assert person.kit.read_config() == person.members


def test_dry_run_shows_the_change_and_makes_none(person: Person) -> None:
    person.kit.write_config({**person.members, "MAJORA_USER": "old"}, mode=0o644)
    before = person.kit.config.read_bytes()
    ran = person.init(*person.all, "--dry-run", "--json")
    assert (ran.code, ran.json["changed"]) == (0, False)
    assert '-    "MAJORA_USER": "old"' in ran.json["diff"]
    assert person.kit.config.read_bytes() == before
    assert mode(person.kit.config) == 0o644
    assert sorted(path.name for path in person.kit.home.iterdir()) == [".ocarina", "secret"]


def test_the_object_default_that_beats_the_top_level(person: Person) -> None:
    person.kit.write_config({"MAJORA_USER": "root", "default": {**person.members, "MAJORA_USER": "old"}})
    assert person.init("--user", person.user.name).code == 0
    assert person.kit.read_config() == {"MAJORA_USER": "root", "default": person.members}


# --- profiles and places


def test_a_profile_with_a_tokens_file_of_its_own(person: Person) -> None:
    person.kit.write_config({**person.members, "MAJORA_USER": "prod-user"})
    ran = person.init(*person.all, "--profile", "test", "--json")
    assert (ran.code, ran.json["profile"]) == (0, "test")
    written = person.kit.read_config()
    assert written.pop("profile") == {
        "test": {**person.members, "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test"}
    }
    assert written == {**person.members, "MAJORA_USER": "prod-user"}
    assert person.init("--profile", "test", "--json").json["changed"] is False
    ran = person.init("--profile", "other", "--json")
    assert ran.json["missing"] == ["MAJORA_DOMAIN", "MAJORA_USER", "CLIENT_ID", "CLIENT_SECRET"]


def test_a_profile_in_a_new_file(person: Person) -> None:
    assert person.init(*person.all, "--profile", "uk").code == 0
    assert list(person.kit.read_config()) == ["profile"]


def test_what_is_no_object_is_not_written_over(person: Person) -> None:
    person.kit.write_config({**person.members, "profile": "mine"})
    ran = person.init(*person.all, "--profile", "uk", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, "CFG011")
    assert person.kit.read_config()["profile"] == "mine"


def test_another_file_by_option_or_variable(person: Person) -> None:
    for args, variables in ((("--config", "~/there"), {}), ((), {"OCARINA_CONF_FILE": "~/there"})):
        there = person.kit.home / "there"
        there.unlink(missing_ok=True)
        ran = person.init(*person.all, *args, env=variables)
        assert ran.code == 0, ran
        assert json.loads(there.read_bytes()) == person.members
        assert not person.kit.config.exists()
        assert (f"--config {there}" in ran.out) is bool(args)


def test_through_a_link_to_its_target(person: Person) -> None:
    dotfiles = person.kit.home / "dotfiles"
    dotfiles.mkdir()
    person.kit.config.symlink_to(dotfiles / "ocarina")
    for user in ("one", "two"):
        assert person.init(*person.all, "--user", user).code == 0
        assert person.kit.config.is_symlink()
        assert json.loads((dotfiles / "ocarina").read_bytes())["MAJORA_USER"] == user
    assert mode(dotfiles / "ocarina") == 0o600


@pytest.mark.parametrize(
    ("make", "id"),
    [
        (lambda path: path.mkdir(), "CFG001"),
        (os.mkfifo, "CFG001"),
        (lambda path: path.symlink_to("nowhere/at/all"), "FIL004"),
    ],
)
def test_where_no_file_can_be_nothing_is_changed(person: Person, make: Any, id: str) -> None:
    make(person.kit.config)
    ran = person.init(*person.all, "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, id), ran
    assert ran.json["error"]["remedy"]["commands"]


def in_namespace(kit: Kit, before: str, *args: str) -> subprocess.CompletedProcess[str]:
    """The command as an ordinary user where ``before`` has set the scene (a mount of its own)."""
    script = f'{before}\nexec setpriv --reuid 12345 --regid 12345 --clear-groups "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", *kit.command(*args)],
        env={**kit.env, "KIT_GUARD_HOME": "/nonexistent"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can set the scene")
@pytest.mark.parametrize(
    ("before", "id"),
    [
        ("mount -t tmpfs -o ro,mode=0777 none HOME", "ENV008"),
        ("mount -t tmpfs -o mode=0755 none HOME", "ENV008"),  # somebody else's
        (
            "mount -t tmpfs -o mode=0777,size=64k none HOME\nhead -c 100k /dev/zero > HOME/full 2>/dev/null || true",
            "ENV008",
        ),
        ("mount -t tmpfs -o mode=0777,nr_inodes=1 none HOME", "ENV008"),
        ('mount -t tmpfs -o mode=0777 none HOME\necho "{}" > HOME/.ocarina', "FIL001"),
    ],
    ids=["read-only", "not writable", "full", "no inodes", "foreign"],
)
def test_a_place_that_takes_no_file_is_said_and_nothing_changes(person: Person, before: str, id: str) -> None:
    home = person.kit.home
    for folder in (home, *home.parents):
        if folder.stat().st_uid == os.geteuid() and len(folder.parts) > 2:  # pytest's own, not /tmp
            folder.chmod(0o755)
    variables = {"CLIENT_ID": person.app.client_id, "CLIENT_SECRET": person.app.client_secret}
    person.kit.extra.update(variables)
    args = ("--domain", person.majora.url, "--user", "alice", "--offline", "--json")
    done = in_namespace(person.kit, before.replace("HOME", str(home)), "init", *args)
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["error"]["id"] == id
    assert document["changed"] is False
    assert person.app.client_secret not in done.stdout + done.stderr


# --- the real clients


@pytest.mark.real_client
def test_the_real_client_reads_what_init_wrote(person: Person) -> None:
    client = os.environ.get("OCARINA_KIT_REAL_CLIENT")
    if not client:
        pytest.skip("OCARINA_KIT_REAL_CLIENT names no client")
    person.init(*person.all)
    person.init(*person.all, "--user", "other", "--profile", "uk")
    # The client takes plain http to a sandbox only so.
    environ = {"HOME": str(person.kit.home), "PATH": "/usr/bin:/bin", "OAUTHLIB_INSECURE_TRANSPORT": "1"}

    def asked(*args: str) -> str:
        done = subprocess.run(
            [client, *args],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    if "v0.36" in asked("-v"):
        # It has no way to print its configuration, and shows that it read it by the link that it builds from it.
        link = asked("--oauth", "get", "biosample", "--central-sample-id", "x")
        assert f"{person.majora.url}o/authorize/" in link
        assert person.app.client_id in link
        return
    plain = asked("--print-config")
    assert "VALID" in plain
    assert person.user.name in plain
    profile = asked("--profile", "uk", "--print-config")
    assert "VALID" in profile
    assert "other" in profile
