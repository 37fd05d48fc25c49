"""Makes the pictures in docs/pictures: `python docs/make_pictures.py`, in an environment with the tests' extra.

Each is what a real run showed in a real terminal, against the sandbox. The commands run in a throwaway home that is
called /home/alice in the pictures: its own name is as long, so that every line breaks where it would.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.terminal import Screen  # noqa: E402

from ocarina_kit.sandbox import Application, Sandbox, User, install_standin  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
HOME, SHOWN_HOME = Path("/tmp/alice_"), "/home/alice"  # noqa: S108  # see above; made anew, or not at all
SHOWN_HOST = "login1"
PORT = 8765
COLUMNS = 88
LOOKUP = "majora2.view_biosampleartifact"
_NOT_COLOURS = re.compile(r"\x1b\[(?![0-9;:]*m)[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


class Alice:
    """A person at her terminal, with the kit and the client in her home and an account at the sandbox."""

    def __init__(self, majora: Sandbox) -> None:
        self.majora = majora
        self.user: User = majora.add_user("alice")
        self.application: Application = majora.add_application(self.user)
        self.client = install_standin(HOME / "miniconda3" / "envs" / "ocarina")
        self._install_the_kit()
        self.crontab = HOME / ".cron" / "crontab"
        (HOME / ".cron" / "bin").mkdir(parents=True)
        shutil.copyfile(ROOT / "src/ocarina_kit/sandbox/programs/crontab", HOME / ".cron" / "bin" / "crontab")
        (HOME / ".cron" / "bin" / "crontab").chmod(0o755)

    def _install_the_kit(self) -> None:
        """In ~/.local, as `pip install --user` puts it."""
        local = HOME / ".local"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", local], check=True)
        packages = next(local.glob("lib/python3*/site-packages"))
        (packages / "kit.pth").write_text(f"{ROOT / 'src'}\n{sysconfig.get_path('purelib')}\n")
        script = local / "bin" / "ocarina-kit"
        script.write_text(
            f"#!{local}/bin/python\nimport sys\nfrom ocarina_kit.__main__ import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)

    @property
    def env(self) -> Mapping[str, str]:
        path = f"{HOME}/.local/bin:{self.client.parent}:{HOME}/.cron/bin:/usr/bin:/bin"
        return {"HOME": str(HOME), "LOGNAME": "alice", "PATH": path, "LANG": "C.UTF-8"}

    @contextmanager
    def types(self, *args: str) -> Iterator[Screen]:
        with Screen(
            [str(HOME / ".local/bin/ocarina-kit"), *args],
            env=self.env,
            cwd=HOME,
            columns=COLUMNS,
            rows=50,
            secrets={self.application.client_secret},
        ) as screen:
            yield screen

    def authorizes(self, screen: Screen) -> None:
        """Opens the link that is shown, and pastes what it leads to."""
        link = screen.expect(r"http://\S+/o/authorize/\S+", regex=True)
        screen.expect("Paste")
        screen.paste(self.majora.authorize(self.user, link))

    def breaks_it(self) -> None:
        """Four faults that people meet."""
        config = HOME / ".ocarina"
        members = json.loads(config.read_text())
        members["MAJORA_DOMAIN"] = self.majora.url.rstrip("/")
        config.write_text(json.dumps(members, indent=4) + "\n")
        config.chmod(0o644)
        tokens = json.loads((HOME / ".ocarina-tokens").read_text())
        tokens[LOOKUP]["expires_at"] = time.time() - 24 * 3600
        (HOME / ".ocarina-tokens").write_text(json.dumps(tokens))
        self.majora.expire_tokens()
        deleted = self.client.parents[2] / "ocarina-2021" / "bin" / "ocarina"
        self.crontab.write_text(self.crontab.read_text().replace(str(self.client), str(deleted)))


def main() -> int:
    HOME.mkdir()  # fails where it is there: nothing of anybody's is touched
    try:
        with Sandbox.start(port=PORT) as majora:
            alice = Alice(majora)
            with alice.types("init") as screen:
                screen.expect("1, 2 or an address:")
                screen.line(majora.url.rstrip("/"))
                screen.expect("Your user name at")
                screen.line("alice")
                screen.expect("Client id:")
                screen.line(alice.application.client_id)
                screen.expect("Client secret")
                screen.wait_until("not echoes")
                screen.paste(alice.application.client_secret + "\n")
                screen.expect("Write it to")
                screen.line("y")
                screen.expect("Log in now, in your browser? [Y/n]")
                screen.line("n")
                screen.expect("crontab entry? [Y/n]")
                screen.line("n")
                done(screen, 0, "init")
            with alice.types("login") as screen:
                screen.expect("Numbers, such as")
                screen.expect("]:")
                screen.line("1")
                alice.authorizes(screen)
                done(screen, 0, "login")
            with alice.types("schedule", "--yes") as screen:
                ended_with(screen, 0, "schedule")
            with alice.types("schedule", "--show") as screen:
                done(screen, 0, "schedule", "--show")
            alice.breaks_it()
            with a_cron_daemon() as runs:
                unasked = () if runs else ("--skip", "CRN006")
                with alice.types("doctor", *unasked) as screen:
                    done(screen, 1, "doctor", *unasked)
                with alice.types("doctor", "--fix", *unasked) as screen:
                    screen.expect("[Y/n]")
                    screen.line("y")
                    done(screen, 0, "doctor", "--fix", *unasked)
    finally:
        shutil.rmtree(HOME)
    return 0


@contextmanager
def a_cron_daemon() -> Iterator[bool]:
    """Run cron as a login node does, but with no crontab of this machine's; whether that could be done (as root)."""
    hidden = (
        "mount --make-rprivate / && mount -t tmpfs none /var/spool/cron && mount -t tmpfs none /etc/cron.d"
        " && mount --bind /dev/null /etc/crontab && mount -t tmpfs none /run && exec cron -f"
    )
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None or shutil.which("cron") is None:
        yield False
        return
    cron = subprocess.Popen([unshare, "-m", "sh", "-c", hidden], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield cron.poll() is None
    finally:
        cron.terminate()
        cron.wait()


def ended_with(screen: Screen, code: int, *typed: str) -> None:
    ended = screen.wait()
    if ended != code:
        raise SystemExit(f"{' '.join(typed)} ended with {ended}:\n{screen.text}")


def done(screen: Screen, code: int, *typed: str) -> None:
    """Keep what the run showed, if it ended as it should."""
    ended_with(screen, code, *typed)
    name = "-".join(word.lstrip("-") for word in typed if word not in ("--skip", "CRN006"))
    path = PICTURES / f"{name}.svg"
    path.write_text(picture(" ".join(("ocarina-kit", *typed)), screen.raw), encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB")


def picture(command: str, raw: str) -> str:
    """The SVG of what a terminal showed."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.text import Text

    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.assemble(("$ ", "green"), (command, "bold")))
    shown = _NOT_COLOURS.sub("", raw).replace("\r\n", "\n").replace(str(HOME), SHOWN_HOME).rstrip("\n")
    shown = re.sub(rf"\bon {re.escape(socket.gethostname())}\b", f"on {SHOWN_HOST}", shown)
    for line in shown.split("\n"):
        text = Text.from_ansi(typed_over(line), end="")
        for piece in text.divide(range(COLUMNS, len(text), COLUMNS)):
            console.print(piece, soft_wrap=True)
    console.print()  # the picture's lower edge cuts into its last line
    looks = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    looks = looks.replace("font-family: Fira Code, monospace;", f"font-family: {_FONT};")
    svg = console.export_svg(title=command, code_format=looks, unique_id=re.sub(r"\W+", "-", command))
    svg = svg.replace(">\n", f' role="img">\n    <title>What {command} shows in a terminal</title>\n', 1)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def typed_over(line: str) -> str:
    """What stands on a line in the end: backspaces go back, and what comes then takes the place of what was there."""
    if "\b" not in line:
        return line
    cells: list[str] = []
    at = 0
    for char in line:
        if char == "\b":
            at = max(0, at - 1)
        else:
            cells[at : at + 1] = [char]
            at += 1
    return "".join(cells).rstrip()


if __name__ == "__main__":
    sys.exit(main())
