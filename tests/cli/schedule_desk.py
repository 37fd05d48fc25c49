"""A person with a set-up, a client on PATH and a crontab: what the tests of ``schedule`` share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Kit, Ran

from ocarina_kit.core.cron.crontab import Crontab
from ocarina_kit.core.cron.refreshjob import RefreshJob, refresh_jobs
from ocarina_kit.sandbox import install_standin

PROGRAMS = Path(__file__).parents[1] / "programs"
SCOPE = "majora2.view_biosampleartifact"
OTHERS = "# MAILTO=root\nMAILTO = me@example.org \n*/5\t* * * *  /opt/backup % a \\% b\n0 5 1-31 * 1 x\n"
CONFIG = {
    "MAJORA_DOMAIN": "https://majora.test/",
    "MAJORA_USER": "tester",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": "i1" * 20,
    "CLIENT_SECRET": "s3cr3t-" * 18 + "xx",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_standin(tmp_path_factory.mktemp("client"), version="1.0.0")


@dataclass
class Desk:
    """A person with a set-up, a client on PATH and a crontab."""

    kit: Kit
    client: Path

    def schedule(self, *args: str, **how: Any) -> Ran:
        return self.kit.run("schedule", *args, **how)

    def json(self, *args: str, **how: Any) -> dict[str, Any]:
        return self.schedule(*args, "--json", **how).json

    @property
    def jobs(self) -> tuple[RefreshJob, ...]:
        return refresh_jobs(Crontab.parse((self.kit.crontab or "").encode()), "tester", str(self.kit.home))

    @property
    def job(self) -> RefreshJob:
        (job,) = [job for job in self.jobs if job.active]
        return job

    @property
    def guide(self) -> str:
        return f"0 0,6,12,18 * * * {self.client} oauth refresh\n"

    def log(self, *lines: str) -> None:
        """Lines of refresh.log about this set-up; its mark is the one in the line that schedule wrote."""
        self.kit.state.mkdir(parents=True, exist_ok=True)
        path = self.kit.state / "refresh.log"
        with path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    @property
    def logged(self) -> list[str]:
        path = self.kit.state / "refresh.log"
        return path.read_text().splitlines() if path.exists() else []

    def mark(self) -> str:
        from ocarina_kit.core.tokens.refresh_log import mark_for

        return mark_for(self.kit.tokens, self.kit.home, CONFIG["MAJORA_DOMAIN"])

    def refreshed_on(
        self, host: str, *, ago: float = 3600.0, word: str = "refreshed", by: str = "refresh"
    ) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))
        scope = SCOPE if word == "refreshed" else '""'
        self.log(f"{stamp} host={host} by={by} result={word} setup={self.mark()} scope={scope}")

    def token(self, *, left: float = 30000.0, scope: str = SCOPE) -> None:
        token = {"access_token": "acc-1234567890", "refresh_token": "ref-1234567890", "expires_in": 36000,
                 "token_type": "Bearer", "scope": scope.split(), "expires_at": time.time() + left}  # fmt: skip
        self.kit.secrets |= {"acc-1234567890", "ref-1234567890"}
        self.kit.write_tokens({scope: token})


@pytest.fixture
def desk(kit: Kit, client: Path) -> Iterator[Desk]:
    kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
    kit.write_config(CONFIG)
    kit.secrets.add(CONFIG["CLIENT_SECRET"])
    yield Desk(kit, client)
    assert not [path for path in kit.home.rglob("*.lock") if path.stat().st_size]
