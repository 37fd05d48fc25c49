"""``ocarina-kit login`` without a terminal: two steps in two processes, what needs no browser, and each refusal."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.conftest import Kit, Ran, mode_of

from ocarina_kit.sandbox import Application, Sandbox, User, install_standin

LOOKUP = "majora2.view_biosampleartifact"
PUBLISHED = "majora2.temp_can_read_pags_via_api"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_standin(tmp_path_factory.mktemp("client"), version="1.0.0")


@dataclass
class Lab:
    """A person with an account, a registered application, a configuration and, where asked for, a client."""

    kit: Kit
    majora: Sandbox
    user: User
    app: Application
    members: dict[str, Any] = field(default_factory=dict)

    def login(self, *args: str, **how: Any) -> Ran:
        ran = self.kit.run("login", *args, **how)
        self.kit.secrets |= self.tokens_in_files()
        for secret in self.kit.secrets:
            assert secret not in ran.all
        return ran

    def tokens_in_files(self) -> set[str]:
        if not self.kit.tokens.exists():
            return set()
        try:
            entries = json.loads(self.kit.tokens.read_bytes()).values()
        except ValueError:
            return set()
        return {e[name] for e in entries for name in ("access_token", "refresh_token") if name in e}

    def link(self, *args: str) -> str:
        ran = self.login("--print-url", *args)
        assert ran.code == 0, repr(ran)
        assert len(ran.out.splitlines()) == 1, repr(ran)
        return ran.out.strip()

    def authorize(self, link: str) -> str:
        callback = self.majora.authorize(self.user, link)
        self.kit.secrets |= set(parse_qs(urlsplit(callback).query).get("code", []))
        return callback

    def hand_over(self, text: str, *args: str) -> Ran:
        return self.login("--callback", "-", *args, stdin=text)

    def give(self, scope: str = LOOKUP, *, age: float = 0, **more: Any) -> dict[str, Any]:
        token = {**self.majora.grant(self.user, self.app, scope, age=age), **more}
        tokens = self.kit.read_tokens() if self.kit.tokens.exists() else {}
        self.kit.write_tokens({**tokens, scope: token})
        self.kit.secrets |= self.tokens_in_files()
        return token

    def state(self, scope: str = LOOKUP) -> str:
        return self.majora.token_state(self.kit.read_tokens()[scope]["access_token"])


@pytest.fixture
def lab(kit: Kit, running: Sandbox) -> Iterator[Lab]:
    user = running.add_user(f"login{next(_numbers)}")
    app = running.add_application(user)
    kit.secrets |= {app.client_secret, user.password}
    lab = Lab(kit, running, user, app)
    lab.members = {
        "MAJORA_DOMAIN": running.url,
        "MAJORA_USER": user.name,
        "MAJORA_TOKEN": "OAUTH",
        "CLIENT_ID": app.client_id,
        "CLIENT_SECRET": app.client_secret,
    }
    kit.write_config(lab.members)
    yield lab
    running.clear_faults()
    if running.offset:
        running.shift_clock(-running.offset)


class TestTwoSteps:
    def test_a_link_and_a_callback_in_two_processes(self, lab: Lab) -> None:
        link = lab.link()
        query = parse_qs(urlsplit(link).query)
        assert link.startswith(lab.majora.url + "o/authorize/?")
        assert query["scope"] == [LOOKUP]
        assert query["code_challenge_method"] == ["S256"]
        assert len(query["state"][0]) >= 32
        assert not lab.kit.tokens.exists()
        ran = lab.hand_over(lab.authorize(link))
        assert ran.code == 0, repr(ran)
        assert lab.state() == "live"
        assert "The server takes the token" in ran.out
        assert ran.out.rstrip().endswith("ocarina --oauth get biosample --central-sample-id SAMPLE_ID")

    def test_the_token_is_stored_as_the_client_stores_it(self, lab: Lab) -> None:
        before = time.time()
        lab.hand_over(lab.authorize(lab.link()))
        assert mode_of(lab.kit.tokens) == 0o600
        tokens = lab.kit.read_tokens()
        assert list(tokens) == [LOOKUP]
        entry = tokens[LOOKUP]
        assert list(entry) == [
            "access_token",
            "expires_in",
            "token_type",
            "scope",
            "refresh_token",
            "expires_at",
        ]
        assert entry["scope"] == [LOOKUP]
        assert before + 36000 <= entry["expires_at"] <= time.time() + 36000

    def test_a_scope_string_of_several_keeps_its_order(self, lab: Lab) -> None:
        link = lab.link("--for", "runs")
        assert lab.hand_over(lab.authorize(link)).code == 0
        assert list(lab.kit.read_tokens()) == [
            "majora2.change_libraryartifact majora2.add_dnasequencingprocess majora2.change_dnasequencingprocess"
        ]

    def test_the_pending_login_is_private_holds_no_secret_of_the_set_up_and_goes(self, lab: Lab) -> None:
        link = lab.link()
        (waiting,) = (lab.kit.state / "pending").glob("*.json")
        assert mode_of(waiting) == 0o600
        assert mode_of(waiting.parent) == 0o700
        assert lab.app.client_secret not in waiting.read_text()
        lab.hand_over(lab.authorize(link))
        assert not list((lab.kit.state / "pending").glob("*.json"))

    def test_a_callback_in_a_file(self, lab: Lab) -> None:
        file = lab.kit.home / "callback.txt"
        file.write_text(f"  <{lab.authorize(lab.link())}>\n")
        assert lab.login("--callback", str(file)).code == 0
        assert lab.state() == "live"

    def test_as_json(self, lab: Lab) -> None:
        printed = lab.login("--print-url", "--json").json
        (link,) = printed["urls"]
        assert printed["tokens"] == [
            {
                "scope": LOOKUP,
                "purposes": ["lookup"],
                "result": "link",
                "expires_at": None,
                "verified": None,
                "url": link,
            }
        ]
        finished = lab.hand_over(lab.authorize(link), "--json").json
        assert (finished["ok"], finished["exit"], finished["command"]) == (True, 0, "login")
        (token,) = finished["tokens"]
        assert (token["scope"], token["purposes"], token["result"]) == (LOOKUP, ["lookup"], "logged-in")
        assert token["verified"] is True
        assert token["expires_at"] == lab.kit.read_tokens()[LOOKUP]["expires_at"]

    def test_several_links_one_a_line_and_their_callbacks_in_one_go(self, lab: Lab) -> None:
        ran = lab.login("--for", "upload", "--print-url")
        links = ran.out.splitlines()
        assert len(links) == 4
        callbacks = "\n".join(lab.authorize(link) for link in links)
        ran = lab.hand_over(callbacks)
        assert ran.code == 0, repr(ran)
        assert len(lab.kit.read_tokens()) == 4
        assert ran.out.count("ocarina --oauth") == 4

    def test_several_callbacks_one_by_one_in_any_order(self, lab: Lab) -> None:
        links = lab.login("--for", "lookup", "--for", "published", "--print-url").out.splitlines()
        for link in reversed(links):
            assert lab.hand_over(lab.authorize(link)).code == 0
        assert sorted(lab.kit.read_tokens()) == sorted([LOOKUP, PUBLISHED])

    def test_what_people_paste(self, lab: Lab) -> None:
        for dress in (
            lambda url: f'"{url}"\r\n',
            lambda url: "\n".join(url[at : at + 30] for at in range(0, len(url), 30)),
            lambda url: urlsplit(url).query,
            lambda url: "\n".join(parse_qs(urlsplit(url).query)[name][0] for name in ("code", "state")),
            lambda url: "\ufeff" + url,
        ):
            callback = lab.authorize(lab.link("--force"))
            assert lab.hand_over(dress(callback)).code == 0, dress(callback)

    def test_refresh_log_says_so(self, lab: Lab) -> None:
        lab.hand_over(lab.authorize(lab.link()))
        (line,) = (lab.kit.state / "refresh.log").read_text().splitlines()
        assert " by=login result=logged-in " in line
        assert line.endswith(f"scope={LOOKUP}")

    def test_env_and_profile(self, lab: Lab) -> None:
        lab.kit.write_config(
            {"default": lab.members, "profile": {"second": {"MAJORA_TOKENS_FILE": "~/.second"}}}
        )
        link = lab.link("--profile", "second")
        callback = lab.authorize(link)
        other = lab.hand_over(callback)
        assert other.code == 1
        assert "[LGN016]" in other.err
        assert "ocarina-kit login --callback - --profile second" in other.err
        ran = lab.hand_over(callback, "--profile", "second")
        assert ran.code == 0, repr(ran)
        assert "ocarina --oauth --profile second get biosample" in ran.out
        assert list(json.loads((lab.kit.home / ".second").read_text())) == [LOOKUP]
        env = {**lab.members}
        assert lab.hand_over(lab.authorize(lab.login("--env", "--print-url", env=env).out.strip())).code == 1
        link = lab.login("--env", "--print-url", env=env).out.strip()
        ran = lab.login("--env", "--callback", "-", stdin=lab.authorize(link), env=env)
        assert ran.code == 0, repr(ran)
        assert "ocarina --oauth --env get biosample" in ran.out

    def test_another_config_is_named_in_the_command(self, lab: Lab) -> None:
        elsewhere = lab.kit.home / "my conf.json"
        lab.kit.config.rename(elsewhere)
        link = lab.login("--config", str(elsewhere), "--print-url").out.strip()
        ran = lab.login("--config", str(elsewhere), "--callback", "-", stdin=lab.authorize(link))
        assert f"OCARINA_CONF_FILE='{elsewhere}' ocarina --oauth get biosample" in ran.out


class TestNoBrowser:
    def test_a_valid_token_says_until_when(self, lab: Lab) -> None:
        lab.give()
        before = lab.kit.tokens.read_bytes()
        ran = lab.login()
        assert ran.code == 0, repr(ran)
        assert "the token is valid until" in ran.out
        assert "ocarina --oauth get biosample" in ran.out
        assert lab.kit.tokens.read_bytes() == before

    def test_print_url_prints_nothing_where_no_link_is_needed(self, lab: Lab) -> None:
        lab.give()
        ran = lab.login("--print-url")
        assert (ran.code, ran.out) == (0, "")
        assert "valid until" in ran.err

    def test_force_asks_for_a_new_one_all_the_same(self, lab: Lab) -> None:
        old = lab.give()
        assert lab.hand_over(lab.authorize(lab.link("--force"))).code == 0
        assert lab.kit.read_tokens()[LOOKUP]["access_token"] != old["access_token"]

    def test_an_expired_token_is_healed(self, lab: Lab) -> None:
        lab.give(age=30 * 3600)
        ran = lab.login()
        assert ran.code == 0, repr(ran)
        assert "refreshed with no browser" in ran.out
        assert lab.state() == "live"

    def test_a_token_that_the_server_says_is_dead_is_healed(self, lab: Lab) -> None:
        token = lab.give()
        lab.majora.expire_tokens()
        assert lab.login().code == 0
        assert lab.state() == "live"
        assert lab.kit.read_tokens()[LOOKUP]["access_token"] != token["access_token"]

    def test_a_token_that_can_not_be_refreshed_takes_a_browser(self, lab: Lab) -> None:
        token = lab.give(age=30 * 3600)
        lab.majora.revoke(token)
        ran = lab.login()
        assert ran.code == 2
        assert "no longer takes the refresh token" in ran.out
        assert lab.hand_over(lab.authorize(lab.link())).code == 0

    def test_with_the_server_out_of_reach_a_valid_token_is_valid(self, lab: Lab) -> None:
        lab.give()
        lab.majora.fault("reset", "*")
        ran = lab.login()
        assert ran.code == 0, repr(ran)
        assert "could not be told" in ran.out

    def test_with_the_server_out_of_reach_nothing_is_healed(self, lab: Lab) -> None:
        lab.give(age=30 * 3600)
        lab.majora.fault("close", "*")
        before = lab.kit.tokens.read_bytes()
        ran = lab.login()
        assert ran.code == 5, repr(ran)
        assert lab.kit.tokens.read_bytes() == before

    def test_a_token_of_another_server_is_not_sent_and_replaced(self, lab: Lab) -> None:
        with Sandbox.start() as other:
            user = other.add_user("elsewhere")
            app = other.add_application(user)
            lab.kit.secrets.add(app.client_secret)
            config = {**lab.members, "MAJORA_DOMAIN": other.url, "CLIENT_ID": app.client_id}
            lab.kit.write_config({**config, "CLIENT_SECRET": app.client_secret})
            link = lab.link()
            assert lab.hand_over(other.authorize(user, link)).code == 0
            lab.kit.write_config(lab.members)
            lab.majora.clear_requests()
            ran = lab.login("--print-url")
            assert ran.code == 0
            assert "another server" in ran.err
            assert lab.majora.requests == []
            assert lab.hand_over(lab.authorize(ran.out.strip())).code == 0
            assert lab.state() == "live"

    def test_without_a_terminal_what_is_missing_is_named_with_its_options(self, lab: Lab) -> None:
        ran = lab.login("--for", "published")
        assert ran.code == 2
        assert ran.out == ""
        assert "[LGN015]" in ran.err
        assert "ocarina-kit login --for published --print-url" in ran.err
        assert "ocarina-kit login --callback -" in ran.err
        document = lab.login("--json").json
        assert document["exit"] == 2
        assert document["tokens"][0]["result"] == "needed"

    def test_an_api_key_needs_no_login(self, lab: Lab) -> None:
        key = lab.majora.add_legacy_key(lab.user)
        lab.kit.secrets.add(key)
        lab.kit.write_config({**lab.members, "MAJORA_TOKEN": key})
        ran = lab.login()
        assert ran.code == 0
        assert "no login is needed" in ran.out
        for args in (["--print-url"], ["--force"], ["--callback", "-"]):
            ran = lab.login(*args)
            assert (ran.code, ran.out) == (1, "")
            assert "[CFG008]" in ran.err


class TestFiles:
    def test_other_tokens_keep_every_byte_and_the_mode_is_closed(self, lab: Lab) -> None:
        other = '"majora2.x majora2.y" : {"access_token":"keep\\u002dme", "expires_at": 1.50e9,"odd":[1,\n2]}'
        lab.kit.tokens.write_text("{\n " + other + "\n}\n")
        lab.kit.tokens.chmod(0o644)
        assert lab.hand_over(lab.authorize(lab.link())).code == 0
        assert other in lab.kit.tokens.read_text()
        assert mode_of(lab.kit.tokens) == 0o600
        (backup,) = (lab.kit.state / "backups").glob("tokens*")
        assert other in backup.read_text()
        assert mode_of(backup) == 0o600

    def test_a_damaged_file_is_set_aside_and_what_can_be_read_stays(self, lab: Lab) -> None:
        token = lab.majora.grant(lab.user, lab.app, PUBLISHED)
        damaged = json.dumps({PUBLISHED: token, LOOKUP: {"access_token": "half a"}})[:-12]
        callback = lab.authorize(lab.link())
        lab.kit.tokens.write_text(damaged)
        ran = lab.hand_over(callback)
        assert ran.code == 0, repr(ran)
        assert "[TOK002]" in ran.out
        assert lab.kit.read_tokens()[PUBLISHED] == token
        assert lab.state() == "live"
        kept = [path.read_text() for path in (lab.kit.state / "backups").glob("tokens-damaged*")]
        assert kept == [damaged]

    @pytest.mark.parametrize("spoil", ["folder", "no folder"])
    def test_a_place_that_can_not_be_written_costs_no_code(self, lab: Lab, spoil: str) -> None:
        callback = lab.authorize(lab.link())
        elsewhere = lab.kit.home / "elsewhere"
        lab.kit.write_config({**lab.members, "MAJORA_TOKENS_FILE": str(elsewhere / "tokens")})
        if spoil == "folder":
            (elsewhere / "tokens").mkdir(parents=True)
        ran = lab.hand_over(callback)
        assert ran.code == 1, repr(ran)
        shutil.rmtree(elsewhere, ignore_errors=True)
        elsewhere.mkdir()
        assert lab.hand_over(callback).code == 0


class TestClient:
    def test_scope_strings_are_the_installed_clients_own(self, lab: Lab) -> None:
        old = install_standin(lab.kit.home / "old", version="0.36.1")
        path = {"PATH": f"{old.parent}:/usr/bin:/bin"}
        ran = lab.login("--for", "lookup", "--for", "published", "--print-url", env=path)
        scopes = [parse_qs(urlsplit(link).query)["scope"][0] for link in ran.out.splitlines()]
        # 0.36.1 looks samples up with the scope of published groups: one link for both.
        assert scopes.count(PUBLISHED) == 1
        assert scopes[0] == PUBLISHED

    def test_a_scope_that_is_asked_for_twice_needs_one_link(self, lab: Lab) -> None:
        ran = lab.login(
            "--for", "published", "--scope", f" {PUBLISHED} ", "--for", "published", "--print-url"
        )
        assert len(ran.out.splitlines()) == 1

    def test_a_client_that_is_too_old_is_a_warning(self, lab: Lab) -> None:
        old = install_standin(lab.kit.home / "old", version="0.36.1")
        path = {"PATH": f"{old.parent}:/usr/bin:/bin"}
        link = lab.login("--scope", LOOKUP, "--print-url", env=path).out.strip()
        ran = lab.login("--callback", "-", stdin=lab.authorize(link), env=path)
        assert ran.code == 0, repr(ran)
        assert "[ENV004]" in ran.out
        assert "0.44.0" in ran.out
        assert "ocarina-kit install-client" in ran.out

    def test_one_that_the_server_takes_is_said(self, lab: Lab, client: Path) -> None:
        path = {"PATH": f"{client.parent}:/usr/bin:/bin"}
        link = lab.login("--print-url", env=path).out.strip()
        ran = lab.login("--callback", "-", stdin=lab.authorize(link), env=path)
        assert "The server takes the token, and ocarina 1.0.0." in ran.out

    def test_none_is_a_warning(self, lab: Lab) -> None:
        lab.give()
        ran = lab.login()
        assert ran.code == 0
        assert "[ENV001]" in ran.out

    def test_no_verify_asks_nothing(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        lab.majora.clear_requests()
        ran = lab.hand_over(callback, "--no-verify")
        assert ran.code == 0
        assert [seen.path for seen in lab.majora.requests] == ["/o/token/"]

    def test_list_in_plain_words_needs_no_set_up(self, kit: Kit) -> None:
        ran = kit.run("login", "--list")
        assert ran.code == 0
        for name in (
            "lookup",
            "published",
            "dataviews",
            "info",
            "add-samples",
            "update-samples",
            "empty-samples",
        ):
            assert f"\n{name}\n" in "\n" + ran.out
        for name in (
            "libraries",
            "runs",
            "files",
            "tags",
            "metrics",
            "qc",
            "accessions",
            "suppress",
            "upload",
        ):
            assert f"\n{name}\n" in ran.out
        document = kit.run("login", "--list", "--json").json
        assert document["purposes"][0]["scopes"] == [LOOKUP]
        assert document["bundles"]["upload"] == ["add-samples", "update-samples", "libraries", "runs"]


class TestRefusals:
    """Each with a message of its own, its id, its exit code, and the step that mends it."""

    def check(self, ran: Ran, code: int, id: str, *words: str) -> None:
        assert ran.code == code, repr(ran)
        assert f"[{id}]" in ran.err, repr(ran)
        for text in words:
            assert text in ran.err, repr(ran)

    def test_the_link_itself(self, lab: Lab) -> None:
        self.check(lab.hand_over(lab.link()), 1, "LGN003")

    def test_another_server(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        other = callback.replace(urlsplit(callback).netloc, "majora.example")
        self.check(lab.hand_over(other), 1, "LGN005", "majora.example")
        assert lab.hand_over(callback).code == 0

    def test_a_wrong_state(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        state = parse_qs(urlsplit(callback).query)["state"][0]
        self.check(lab.hand_over(callback.replace(state, "x" * 43)), 1, "LGN006")

    def test_used_before(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        assert lab.hand_over(callback).code == 0
        ran = lab.hand_over(callback)
        self.check(ran, 1, "LGN021", "used before", " ago")
        fresh = next(line for line in ran.out.splitlines() if line.startswith(lab.majora.url))
        assert lab.hand_over(lab.authorize(fresh)).code == 0

    def test_too_old(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        lab.majora.shift_clock(61)
        ran = lab.hand_over(callback, "--json")
        assert ran.code == 1
        document = ran.json
        assert document["error"]["id"] == "LGN021"
        assert not lab.kit.tokens.exists()
        lab.majora.shift_clock(-61)
        (fresh,) = document["urls"]
        assert lab.hand_over(lab.authorize(fresh)).code == 0

    def test_nothing_waits(self, lab: Lab) -> None:
        self.check(lab.hand_over(f"{lab.majora.url}o/callback/?code=abc&state=def"), 1, "LGN014")

    def test_nothing_at_all(self, lab: Lab) -> None:
        lab.link()
        self.check(lab.hand_over(" \n"), 1, "LGN001")

    def test_cancelled(self, lab: Lab) -> None:
        self.check(lab.hand_over(lab.majora.deny(lab.user, lab.link())), 1, "LGN011")

    def test_a_missing_permission_is_named(self, lab: Lab) -> None:
        lab.majora.set_permissions(lab.user, [LOOKUP])
        callback = lab.majora.authorize(lab.user, lab.link("--for", "published"))
        self.check(lab.hand_over(callback), 1, "LGN012", PUBLISHED, "administrator")

    def test_no_two_factor(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        lab.majora.set_two_factor(lab.user, False)
        self.check(lab.hand_over(callback), 1, "LGN022", "two-factor")

    def test_a_wrong_client_secret(self, lab: Lab) -> None:
        lab.kit.write_config({**lab.members, "CLIENT_SECRET": "x" * 128})
        self.check(lab.hand_over(lab.authorize(lab.link())), 1, "CRD001", "ocarina-kit init")

    def test_a_redirect_uri_that_differs(self, lab: Lab) -> None:
        lab.majora.fault(
            "status",
            status=400,
            body=json.dumps({"error": "invalid_request", "error_description": "Mismatching redirect URI."}),
            times=1,
        )
        self.check(lab.hand_over(lab.authorize(lab.link())), 1, "LGN023", f"{lab.majora.url}o/callback/")

    def test_the_words_of_the_servers_error_page(self, lab: Lab) -> None:
        lab.link()
        ran = lab.hand_over("Error: invalid_request\nMismatching redirect URI.")
        self.check(ran, 1, "LGN023", f"{lab.majora.url}o/callback/", "o/applications/")

    def test_the_server_is_away(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        lab.majora.fault("status", status=503, times=1)
        ran = lab.hand_over(callback)
        self.check(ran, 5, "LGN026")
        assert any(line.startswith(lab.majora.url) for line in ran.out.splitlines())

    def test_too_many_requests_is_tried_again(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        lab.majora.fault("status", status=429, headers={"Retry-After": "1"}, times=2)
        assert lab.hand_over(callback).code == 0

    def test_a_redirect_is_not_followed_with_the_code(self, lab: Lab) -> None:
        callback = lab.authorize(lab.link())
        lab.majora.fault("redirect", status=307, location="http://127.0.0.1:9/", times=1)
        self.check(lab.hand_over(callback), 5, "SRV004")
        assert lab.hand_over(callback).code == 0

    def test_a_clock_that_is_off_is_said(self, lab: Lab) -> None:
        lab.majora.shift_clock(600)
        ran = lab.hand_over(lab.authorize(lab.link()))
        assert ran.code == 0
        assert "[ENV007]" in ran.out
        assert "behind the server's" in ran.out

    def test_other_scopes_than_asked_for(self, lab: Lab) -> None:
        lab.majora.fault("edit", change={"scope": "majora2.other"}, times=1)
        ran = lab.hand_over(lab.authorize(lab.link()))
        self.check(ran, 1, "LGN028", LOOKUP)
        assert list(lab.kit.read_tokens()) == ["majora2.other"]

    def test_a_file_that_is_not_there(self, lab: Lab) -> None:
        self.check(lab.login("--callback", "nowhere.txt"), 2, "USE001", "nowhere.txt")

    @pytest.mark.parametrize(
        "args",
        [["--print-url", "--callback", "-"], ["--for", "luckup"], ["--scope", "a\x01b"], ["--for"]],
    )
    def test_wrong_usage(self, lab: Lab, args: list[str]) -> None:
        assert lab.login(*args).code == 2

    def test_no_set_up(self, kit: Kit) -> None:
        ran = kit.run("login", "--print-url")
        self.check(ran, 1, "CFG001", "ocarina-kit init")
        assert ran.out == ""
