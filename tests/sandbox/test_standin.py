"""The stand-in client as a process: what FACTS.md says of the real ones."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.core.errors import KitError
from ocarina_kit.sandbox import break_interpreter, install_impostor, install_standin

from .conftest import VIEW, Client

VIEW_OLD = "majora2.temp_can_read_pags_via_api"


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_standin(tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_standin(tmp_path_factory.mktemp("old"), "0.36.1")


@dataclass
class Home:
    path: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.path / ".ocarina"

    @property
    def tokens(self) -> Path:
        return self.path / ".ocarina-tokens"

    def run(
        self, script: Path, *args: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self.path,
            env={"HOME": str(self.path), "PATH": "/usr/bin:/bin", **self.env, **(env or {})},
        )

    def configure(self, client: Client, **more: Any) -> None:
        self.config.write_text(json.dumps({**members(client), **more}))
        self.config.chmod(0o600)

    def store(self, *tokens: Mapping[str, Any]) -> None:
        self.tokens.write_text(json.dumps({" ".join(token["scope"]): token for token in tokens}))
        self.tokens.chmod(0o600)

    def stored(self) -> dict[str, Any]:
        tokens: dict[str, Any] = json.loads(self.tokens.read_text())
        return tokens


def members(client: Client) -> dict[str, str]:
    return {
        "MAJORA_DOMAIN": client.majora.url,
        "MAJORA_USER": client.user.name,
        "MAJORA_TOKEN": "OAUTH",
        "CLIENT_ID": client.app.client_id,
        "CLIENT_SECRET": client.app.client_secret,
    }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    path = tmp_path / "home"
    path.mkdir()
    return Home(path)


GET = ("--oauth", "get", "biosample", "--central-sample-id", "SAMPLE-1")


# The environment


def test_it_is_a_real_environment_with_its_own_interpreter(new: Path, home: Home) -> None:
    assert new.read_text().splitlines()[0] == f"#!{new.parent}/python"
    assert (new.parent.parent / "pyvenv.cfg").exists()
    assert home.run(new, "-v").stdout == "ocarina v1.0.0\n"


@pytest.mark.parametrize("version", ["0.36.1", "0.44.0", "1.0.0", "1.2.3"])
def test_the_version_can_be_chosen_and_changed(tmp_path: Path, home: Home, version: str) -> None:
    install_standin(tmp_path / "env", "9.9.9")
    assert home.run(install_standin(tmp_path / "env", version), "-v").stdout == f"ocarina v{version}\n"


@pytest.mark.parametrize("name", ["with a blank", "d" * 130, "quo'te", "ünïcode"])
def test_it_runs_from_any_folder(tmp_path: Path, home: Home, name: str) -> None:
    assert home.run(install_standin(tmp_path / name), "-v").stdout == "ocarina v1.0.0\n"


def test_the_table_of_endpoints_is_read_with_its_own_interpreter(new: Path, old: Path) -> None:
    program = "import json, ocarina.client as c; print(json.dumps(c.ENDPOINTS))"
    tables = []
    for script in (new, old):
        out = subprocess.run([script.parent / "python", "-c", program], capture_output=True, check=True)
        tables.append(json.loads(out.stdout))
    assert tables[0]["api.artifact.biosample.get"]["scope"] == VIEW
    assert isinstance(tables[1]["api.artifact.biosample.get"], str)
    assert all(isinstance(entry, str) or "scope" in entry for entry in tables[0].values())


def test_the_impostor_is_another_program(tmp_path: Path, home: Home) -> None:
    script = install_impostor(tmp_path / "env")
    ran = home.run(script, "-v")
    assert (ran.returncode, "ocarina v" in ran.stdout) == (0, False)
    imported = subprocess.run(
        [script.parent / "python", "-c", "import ocarina.client"], capture_output=True, check=False
    )
    assert imported.returncode == 1


def test_a_broken_interpreter_keeps_it_from_starting(tmp_path: Path, home: Home) -> None:
    script = install_standin(tmp_path / "env")
    gone = break_interpreter(script)
    assert not gone.exists()
    assert script.exists()
    with pytest.raises(FileNotFoundError):
        home.run(script, "-v")


# Its settings


def test_with_no_configuration_an_empty_one_is_made(new: Path, home: Home) -> None:
    assert home.run(new, "oauth", "refresh").returncode == 78
    assert json.loads(home.config.read_text())["MAJORA_DOMAIN"] == "https://example.org/"
    assert home.config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET", "MAJORA_USER"])
def test_a_blank_key_is_refused_by_new_clients_alone(
    client: Client, new: Path, old: Path, home: Home, name: str
) -> None:
    home.configure(client, **{name: ""})
    ran = home.run(new, "oauth", "refresh")
    assert (ran.returncode, "Configuration not valid" in ran.stderr) == (78, True)
    assert home.run(old, "oauth", "refresh").returncode == 0


def test_malformed_json(new: Path, old: Path, home: Home) -> None:
    home.config.write_text("{'MAJORA_DOMAIN': 1}")
    assert home.run(new, "oauth", "refresh").returncode == 78
    ran = home.run(old, "oauth", "refresh")
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, True)


def test_lower_case_keys_silently_mean_the_default_domain(client: Client, new: Path, home: Home) -> None:
    wrong = members(client)
    wrong["majora_domain"] = wrong.pop("MAJORA_DOMAIN")
    home.config.write_text(json.dumps(wrong))
    assert "https://example.org/o/authorize/" in home.run(new, *GET).stdout


def test_a_profile_goes_over_default_goes_over_the_root(client: Client, new: Path, home: Home) -> None:
    good = members(client)
    home.config.write_text(
        json.dumps(
            {
                "MAJORA_DOMAIN": "https://root.invalid/",
                "default": {**good, "MAJORA_DOMAIN": "https://default.invalid/"},
                "profile": {"test": {"MAJORA_DOMAIN": client.majora.url}},
            }
        )
    )
    assert "https://default.invalid/" in home.run(new, *GET).stdout
    assert client.majora.url in home.run(new, "--profile", "test", *GET).stdout


def test_another_file_and_the_environment(client: Client, new: Path, old: Path, home: Home) -> None:
    home.store(client.grant())
    elsewhere = home.path / "elsewhere"
    elsewhere.write_text(json.dumps(members(client)))
    there = {"OCARINA_CONF_FILE": str(elsewhere)}
    assert home.run(new, "-q", "oauth", "refresh", env=there).returncode == 0
    assert home.run(new, "-q", "--env", "oauth", "refresh", env=members(client)).returncode == 0
    ids = {name: text for name, text in members(client).items() if not name.startswith("CLIENT")}
    older = {
        **ids,
        "MAJORA_CLIENT_ID": client.app.client_id,
        "MAJORA_CLIENT_SECRET": client.app.client_secret,
    }
    for script in (new, old):
        assert home.run(script, "-q", "--env", "oauth", "refresh", env=older).returncode == 0
    assert home.run(old, "oauth", "refresh", env=there).returncode == 1
    assert home.run(new, "--env", "oauth", "refresh").returncode == 78


# Refresh


def test_refresh_writes_the_new_pair_in_place(client: Client, new: Path, home: Home) -> None:
    home.configure(client)
    token = client.grant(age=3600)
    home.store(token)
    home.tokens.chmod(0o644)
    inode = home.tokens.stat().st_ino
    ran = home.run(new, "-q", "oauth", "refresh")
    assert ran.returncode == 0, ran.stderr
    assert "permissions 644" in ran.stderr
    fresh = home.stored()[VIEW]
    assert set(fresh) == set(token)
    assert fresh["scope"] == [VIEW]
    assert fresh["refresh_token"] != token["refresh_token"]
    assert abs(fresh["expires_at"] - time.time() - 36000) < 10
    assert home.tokens.stat().st_ino == inode
    assert home.tokens.stat().st_mode & 0o777 == 0o644
    assert client.ask(fresh["access_token"]).json()["success"] is True


def test_the_old_client_refreshes_too_and_warns_of_nothing(client: Client, old: Path, home: Home) -> None:
    home.configure(client)
    home.store(client.grant())
    home.tokens.chmod(0o644)
    ran = home.run(old, "-q", "oauth", "refresh")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_with_no_tokens_refresh_is_content(client: Client, new: Path, home: Home) -> None:
    home.configure(client)
    assert home.run(new, "-q", "oauth", "refresh").returncode == 0


def test_an_expired_token_is_never_refreshed_but_asked_for_anew(
    client: Client, new: Path, home: Home
) -> None:
    home.configure(client)
    token = client.grant(age=40_000)
    home.store(token)
    ran = home.run(new, "-q", "oauth", "refresh")
    assert ran.returncode == 1
    assert "EOFError" in ran.stderr
    assert "o/authorize/?" in ran.stdout
    assert home.stored() == {VIEW: token}
    assert client.majora.stats()["token_posts"] == 0


def test_the_first_scope_that_fails_ends_the_run(client: Client, new: Path, home: Home) -> None:
    home.configure(client)
    first, dead, last = (
        client.grant(scope)
        for scope in (VIEW, "majora2.can_read_dataview_via_api", "majora2.view_majoraartifact_info")
    )
    client.majora.revoke(dead)
    home.store(first, dead, last)
    ran = home.run(new, "-q", "oauth", "refresh")
    assert (ran.returncode, "invalid_grant" in ran.stderr) == (1, True)
    stored = list(home.stored().values())
    assert stored[0]["refresh_token"] != first["refresh_token"]
    assert stored[1:] == [dead, last]


# Grant and query


def test_a_grant_in_the_terminal_then_the_query(client: Client, new: Path, home: Home) -> None:
    client.majora.add_sample("SAMPLE-1")
    home.configure(client)
    process = subprocess.Popen(
        [new, *GET],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"HOME": str(home.path), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    pasted = client.majora.authorize(client.user, process.stdout.readline().strip())
    out, err = process.communicate(pasted + "\n", timeout=30)
    assert process.returncode == 0, out + err
    assert '"SAMPLE-1"' in err
    assert list(home.stored()) == [VIEW]
    assert home.tokens.stat().st_mode & 0o777 == 0o600
    assert home.run(new, "-q", *GET).returncode == 0


def test_the_callback_of_another_attempt_is_refused(client: Client, new: Path, home: Home) -> None:
    home.configure(client)
    ran = home.run(new, *GET, stdin=f"{client.app.redirect_uri}?code=a&state=other\n")
    assert (ran.returncode, "mismatching_state" in ran.stderr) == (1, True)


def test_it_gives_up_after_three_pastes(client: Client, new: Path, home: Home) -> None:
    home.configure(client)
    assert home.run(new, *GET, stdin="what?\n" * 4).returncode == 75


def test_without_oauth_no_authorization_is_sent(client: Client, new: Path, home: Home) -> None:
    home.configure(client)
    home.store(client.grant())
    assert home.run(new, "-q", *GET[1:]).returncode == 77
    assert client.majora.requests[-1].scheme is None
    home.configure(client, MAJORA_TOKEN=client.majora.add_legacy_key(client.user))
    assert home.run(new, "-q", *GET[1:]).returncode == 0


def test_the_old_client_asks_for_its_own_scope_and_is_refused_by_the_server(
    client: Client, old: Path, home: Home
) -> None:
    home.configure(client)
    assert "scope=majora2.temp_can_read_pags_via_api" in home.run(old, *GET).stdout
    home.store(client.grant(f"{VIEW_OLD}"))
    ran = home.run(old, *GET)
    assert ran.returncode == 0
    assert '"errors": 1' in ran.stderr


@pytest.mark.parametrize(
    ("status", "code"), [(400, 77), (403, 77), (500, 69), (429, 75), (503, 75), (404, 70)]
)
def test_exit_codes_of_sysexits(client: Client, new: Path, home: Home, status: int, code: int) -> None:
    home.configure(client)
    home.store(client.grant())
    client.majora.fault("status", "api/*", status=status)
    assert home.run(new, "-q", *GET).returncode == code


def test_over_tls_with_the_bundle_that_the_environment_names(
    tls_client: Client, new: Path, home: Home
) -> None:
    home.configure(tls_client)
    home.store(tls_client.grant())
    bundle = {"REQUESTS_CA_BUNDLE": os.fspath(tls_client.majora.ca_file or "")}
    assert home.run(new, "-q", "oauth", "refresh", env=bundle).returncode == 0
    ran = home.run(new, "-q", "oauth", "refresh")
    assert (ran.returncode, "CERTIFICATE_VERIFY_FAILED" in ran.stderr) == (1, True)


def test_an_environment_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'No module named venv' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(KitError) as caught:
        install_standin(tmp_path / "env", python=python)
    assert caught.value.id == "SBX003"
    assert caught.value.why.endswith("No module named venv")
