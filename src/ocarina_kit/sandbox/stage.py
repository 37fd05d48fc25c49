"""Where the demo plays: a throwaway home with a practice Majora, a stand-in client and a crontab of its own.

All of it lies in the sandbox's own folder, and the sandbox's process takes that with it: also where the demo is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ocarina_kit.edges.process import run
from ocarina_kit.sandbox.handle import Sandbox
from ocarina_kit.sandbox.pseudo import run_shown
from ocarina_kit.sandbox.records import Application, User
from ocarina_kit.sandbox.standin import install_standin

SAMPLE = "DEMO-0001"
THE_LABS = "# the lab's own\n30 2 * * 0 /usr/local/bin/weekly-backup --all\n"
"""What stands in the demo's crontab before the kit comes: it must stay to the byte."""
TIME_LIMIT = 30.0
"""Seconds for one command; each takes about one."""
_INDENT = 4
_NARROWEST = 36
# What would lead the commands to the person's own set-up, out of this machine, or to a browser of theirs.
_NOT_HANDED_ON = (
    "ALL_PROXY", "BROWSER", "CLIENT_", "CONDA", "CURL_CA", "DISPLAY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY",
    "MAJORA", "MAMBA", "NETRC", "NO_PROXY", "OCARINA", "PIPX", "REQUESTS_", "SSH_", "SSL_", "UV_", "VIRTUAL_ENV",
    "WAYLAND_", "XDG_",
)  # fmt: skip


class NotSoError(Exception):
    """A step did not do what it claims. Its text says what was seen in place of that; no secret stands in it."""


class Teller(Protocol):
    """How the demo speaks: the commands' :class:`~ocarina_kit.cli.render.Ui` does."""

    def say(self, text: str = "") -> None: ...
    def command(self, text: str) -> None: ...
    def output(self, text: str, indent: int = 0) -> None: ...
    def pairs(self, rows: list[tuple[str, str]]) -> None: ...
    @property
    def width(self) -> int | None: ...


@dataclass
class Stage:
    """One throwaway home and what stands around it."""

    tell: Teller
    majora: Sandbox
    user: User
    application: Application
    environ: Mapping[str, str]
    typed: list[str] = field(default_factory=list)
    """The commands of the step that is under way, as a person types them."""

    @classmethod
    @contextlib.contextmanager
    def throwaway(cls, tell: Teller, environ: Mapping[str, str]) -> Iterator[Stage]:
        """Start it all; at the end nothing of it is left, whatever happens in between."""
        with Sandbox.start() as majora:
            user = majora.add_user("alice")
            majora.add_sample(SAMPLE)
            stage = cls(tell, majora, user, majora.add_application(user), environ)
            stage.home.mkdir()
            stage.programs.mkdir()
            shutil.copyfile(Path(__file__).parent / "programs" / "crontab", stage.programs / "crontab")
            (stage.programs / "crontab").chmod(0o755)
            stage.crontab_file.write_text(THE_LABS)
            install_standin(stage.client.parent.parent)
            yield stage

    # --- what stands where

    @property
    def home(self) -> Path:
        return self.majora.folder / "home"

    @property
    def programs(self) -> Path:
        return self.majora.folder / "bin"

    @property
    def client(self) -> Path:
        """The stand-in client, where a conda environment of the guide would hold it."""
        return self.home / "envs" / "ocarina" / "bin" / "ocarina"

    @property
    def config(self) -> Path:
        return self.home / ".ocarina"

    @property
    def tokens(self) -> Path:
        return self.home / ".ocarina-tokens"

    @property
    def crontab_file(self) -> Path:
        return self.majora.folder / "crontab"

    @property
    def env(self) -> dict[str, str]:
        """What the commands see: the person's language and terminal, and nothing of their set-up."""
        kept = {
            name: value for name, value in self.environ.items() if not name.upper().startswith(_NOT_HANDED_ON)
        }
        path = os.pathsep.join(
            (
                str(self.client.parent),
                str(self.programs),
                str(Path(sys.executable).parent),
                "/usr/bin",
                "/bin",
            )
        )
        return {**kept, "HOME": str(self.home), "PATH": path, "PWD": str(self.home)}

    # --- what is done

    def kit(self, *args: str, stdin: str = "", code: int = 0) -> str:
        """Run ``ocarina-kit`` as a person would, show it, and hold it to its exit code; answers what it printed."""
        return self._show("ocarina-kit", [sys.executable, "-m", "ocarina_kit"], args, stdin, code)

    def ocarina(self, *args: str) -> str:
        return self._show("ocarina", [str(self.client)], args, "", 0)

    def document(self, *args: str) -> dict[str, Any]:
        """The JSON document of a command, for a check; it is not shown."""
        ran = run(
            [sys.executable, "-m", "ocarina_kit", *args, "--json"],
            env=self.env,
            cwd=self.home,
            timeout=TIME_LIMIT,
        )
        with contextlib.suppress(ValueError):
            found = json.loads(ran.stdout)
            if isinstance(found, dict):
                return found
        raise NotSoError(
            f"`ocarina-kit {' '.join(args)} --json` ended with {ran.code} and printed no document"
        )

    def _show(self, name: str, program: list[str], args: tuple[str, ...], stdin: str, code: int) -> str:
        typed = " ".join((name, *map(shlex.quote, args)))
        self.typed.append(typed)
        columns = self.tell.width
        for line in in_lines(typed, columns):
            self.tell.command(line)
        ended, printed = run_shown(
            [*program, *args],
            env=self.env,
            cwd=self.home,
            stdin=stdin.encode(),
            timeout=TIME_LIMIT,
            columns=None if columns is None else max(columns - _INDENT, _NARROWEST),
        )
        self._keep_secrets(typed, printed)
        self.tell.output(printed.rstrip("\n"), _INDENT)
        claim(ended is not None, f"`{typed}` did not end in time")
        claim(ended == code, f"`{typed}` ended with exit code {ended}, not {code}")
        return printed

    def _keep_secrets(self, typed: str, printed: str) -> None:
        """Even a throwaway secret that is printed is a fault."""
        flat = "".join(printed.split())
        for secret in self.secrets():
            claim(secret not in flat, f"`{typed}` printed a secret, so its output is not shown")

    def secrets(self) -> set[str]:
        """All that no command may print: what was handed to it, and the tokens that it holds."""
        found = {self.application.client_secret, self.user.password, self.user.totp_secret or ""}
        with contextlib.suppress(OSError, ValueError):
            for token in json.loads(self.tokens.read_text()).values():
                found |= {token["access_token"], token["refresh_token"]}
        return found - {""}

    # --- what is seen, by other means than the kit's

    def read_config(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.config.read_text())
        return members

    def read_tokens(self) -> dict[str, Any]:
        tokens: dict[str, Any] = json.loads(self.tokens.read_text())
        return tokens

    def crontab_line(self) -> str:
        """The kit's one line; all others must be the lab's."""
        lines = self.crontab_file.read_text().splitlines(keepends=True)
        ours = [line for line in lines if line.endswith(" # ocarina-kit\n")]
        others = "".join(line for line in lines if line not in ours)
        claim(len(ours) == 1, f"the crontab holds {len(ours)} lines of ocarina-kit, not one")
        claim(others == THE_LABS, "a line of the crontab that is the lab's own was changed")
        return ours[0]


def claim(holds: bool, else_say: str) -> None:
    """Raise :class:`NotSoError` unless it holds."""
    if not holds:
        raise NotSoError(else_say)


def in_lines(typed: str, columns: int | None) -> list[str]:
    """A command behind its prompt, as people type a long one: broken before options, each line but the last with a
    backslash at its end. No word is broken."""
    room = 10_000 if columns is None else max(columns - _INDENT, _NARROWEST) - len(" \\")
    lines = ["$"]
    for words in re.split(r" (?=--?[a-z])", typed):
        if len(lines[-1]) + 1 + len(words) > room and lines[-1] != "$":
            lines.append(" ")
        lines[-1] += f" {words}"
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
