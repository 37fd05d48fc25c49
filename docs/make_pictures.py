"""Makes docs/pictures/*.svg and docs/screens.md from real runs: `python docs/make_pictures.py`.

Needs the tests' extra, root and Debian's cron (a login node has a cron daemon; the one that runs meanwhile sees no
crontab of this machine). The commands run at a terminal against a sandbox, in a throwaway home that the pictures call
/home/alice: its own name is as long, so that every line breaks where it would.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.terminal import Screen  # noqa: E402

from ocarina_kit.sandbox import Sandbox, install_standin  # noqa: E402

HOME, SHOWN_HOME, SHOWN_HOST = Path("/tmp/alice_"), "/home/alice", "login1"  # noqa: S108  # made here, or not at all
COLUMNS = 80
LINK = r"http://\S+/o/authorize/\S+"
_CRON = (
    "mount --make-rprivate / && mount -t tmpfs none /var/spool/cron && mount -t tmpfs none /etc/cron.d"
    " && mount --bind /dev/null /etc/crontab && mount -t tmpfs none /run && exec cron -f"
)
_STYLES = {"1": "b", "38;5;28": "g", "38;5;130": "o", "1;38;5;160": "r"}
"""What the kit writes in colour (cli/ui.py), and the class that it has in a picture."""
_PARTS = re.compile(r"\x1b\[([0-9;?]*)([@-~])|\x1b.|([\s\S])")
_WIDTH, _HEIGHT = 8.43, 19
_LOOKS = """
  text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
  rect { fill: #ffffff; stroke: #c8ccd1 } text { fill: #1f2328 }
  .b { font-weight: bold } .g { fill: #17692e } .o { fill: #8a4b00 } .r { fill: #b3141f; font-weight: bold }
  @media (prefers-color-scheme: dark) {
    rect { fill: #12161c; stroke: #3d444d } text { fill: #e6edf3 }
    .g { fill: #56c268 } .o { fill: #e3a03a } .r { fill: #ff7b72 }
  }
"""
Line = list[tuple[str, str]]
"""A line of a terminal: characters with their classes."""


def lines_of(raw: str) -> list[Line]:
    """What a terminal shows in the end, given what was written to it: what was typed over or erased is gone."""
    lines: list[Line] = [[]]
    at, style = 0, ""
    for codes, final, char in _PARTS.findall(raw):
        line = lines[-1]
        if final == "m":
            style = _STYLES.get(codes, "")
        elif final == "K":
            del line[at:]
        elif char == "\n":
            lines.append([])
        elif char == "\r":
            at = 0
        elif char == "\b":
            at = max(0, at - 1)
        elif char and char.isprintable():
            if at == COLUMNS:
                lines.append([])
                line, at = lines[-1], 0
            line[at : at + 1] = [(char, style)]
            at += 1
    return lines


def text_of(lines: Sequence[Line]) -> str:
    return "\n".join(
        "".join(char for char, _ in line).rstrip() for line in lines
    ).strip("\n")


def svg(command: str, lines: Sequence[Line]) -> str:
    """A picture of these lines. Blanks are no-break spaces: some renderers fold others."""
    rows = [
        f'<text x="16" y="30"><tspan class="g">$</tspan> <tspan class="b">{html.escape(command)}</tspan></text>'
    ]
    for number, complete in enumerate(lines, start=1):
        # The indentation is a place, not blanks: librsvg leaves out those at the start of a text.
        indent = next((at for at, (char, _) in enumerate(complete) if char != " "), 0)
        line = complete[indent:]
        spans, styles = "", [style for _, style in line]
        starts = [
            at for at, style in enumerate(styles) if at == 0 or style != styles[at - 1]
        ]
        for start, end in zip(starts, [*starts[1:], len(line)], strict=False):
            text = html.escape("".join(char for char, _ in line[start:end]))
            spans += (
                f'<tspan class="{styles[start]}">{text}</tspan>'
                if styles[start]
                else text
            )
        if spans:
            rows.append(
                f'<text x="{16 + indent * _WIDTH:.1f}" y="{30 + number * _HEIGHT}">{spans}</text>'
            )
    body = "\n".join(rows).replace("</tspan> <tspan", "</tspan>\xa0<tspan")
    body = re.sub(r">[^<]+<", lambda found: found[0].replace(" ", "\xa0"), body)
    width, height = round(COLUMNS * _WIDTH) + 32, 30 + len(lines) * _HEIGHT + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">\n'
        f"<title>What {html.escape(command)} shows in a terminal</title>\n<style>{_LOOKS}</style>\n"
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"/>\n{body}\n</svg>\n'
    )


class Alice:
    """A person at her terminal, with the kit and the client in her home and an account at the sandbox."""

    def __init__(self, majora: Sandbox) -> None:
        self.majora = majora
        self.user = majora.add_user("alice")
        self.application = majora.add_application(self.user)
        self.client = install_standin(HOME / "miniconda3" / "envs" / "ocarina")
        self.config, self.tokens = HOME / ".ocarina", HOME / ".ocarina-tokens"
        self.crontab = HOME / ".cron" / "crontab"
        programs = HOME / ".cron" / "bin"
        shutil.copytree(ROOT / "src/ocarina_kit/sandbox/programs", programs)
        (programs / "crontab").chmod(0o755)
        local = HOME / ".local"  # as `pip install --user` puts it
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", local], check=True
        )
        packages = next(local.glob("lib/python3*/site-packages"))
        (packages / "kit.pth").write_text(
            f"{ROOT / 'src'}\n{sysconfig.get_path('purelib')}\n"
        )
        self.kit = local / "bin" / "ocarina-kit"
        self.kit.write_text(
            f"#!{local}/bin/python\nimport sys\nfrom ocarina_kit.__main__ import main\nsys.exit(main())\n"
        )
        self.kit.chmod(0o755)
        path = f"{local}/bin:{self.client.parent}:{programs}:/usr/bin:/bin"
        self.env = {
            "HOME": str(HOME),
            "LOGNAME": "alice",
            "PATH": path,
            "LANG": "C.UTF-8",
        }
        self.pages: list[str] = []

    def runs(
        self, *args: str, ends: int, answers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Run a command, answer what it asks, and keep what it showed, if it ended as it should."""
        secrets, argv = {self.application.client_secret}, [str(self.kit), *args]
        with Screen(
            argv, env=self.env, cwd=HOME, columns=COLUMNS, rows=60, secrets=secrets
        ) as screen:
            for question, answer in answers:
                found = screen.expect(question, regex=True)
                if question in (LINK, "hidden"):
                    screen.wait_until("not echoes")
                screen.paste(
                    self.majora.authorize(self.user, found)
                    if question == LINK
                    else answer
                )
                if question != LINK:
                    screen.line()
            if (code := screen.wait()) != ends:
                raise SystemExit(f"{' '.join(args)} ended with {code}:\n{screen.text}")
            shown = screen.raw.replace(str(HOME), SHOWN_HOME).replace(
                socket.gethostname(), SHOWN_HOST
            )
        command, lines = " ".join(("ocarina-kit", *args)), lines_of(shown.rstrip())
        path = (
            ROOT
            / "docs"
            / "pictures"
            / f"{'-'.join(word.lstrip('-') for word in args)}.svg"
        )
        path.write_text(svg(command, lines), encoding="utf-8")
        self.pages.append(f"## {command}\n\n```\n$ {command}\n{text_of(lines)}\n```\n")
        print(f"docs/pictures/{path.name}")

    def breaks_it(self) -> None:
        """Four faults that people meet."""
        self.config.write_text(
            self.config.read_text().replace(
                self.majora.url, self.majora.url.rstrip("/")
            )
        )
        self.config.chmod(0o644)
        tokens = json.loads(self.tokens.read_text())
        for token in tokens.values():
            token["expires_at"] = time.time() - 24 * 3600
        self.tokens.write_text(json.dumps(tokens))
        self.majora.expire_tokens()
        deleted = self.client.parents[2] / "ocarina-2021" / "bin" / "ocarina"
        self.crontab.write_text(
            self.crontab.read_text().replace(str(self.client), str(deleted))
        )


@contextmanager
def a_cron_daemon() -> Iterator[None]:
    cron = subprocess.Popen(
        [shutil.which("unshare") or "unshare", "-m", "sh", "-c", _CRON]
    )
    try:
        time.sleep(1)
        yield
    finally:
        cron.terminate()
        cron.wait()


def main() -> int:
    HOME.mkdir()  # fails if it exists: nothing of anybody's is touched
    try:
        with a_cron_daemon(), Sandbox.start(port=8765) as majora:
            alice = Alice(majora)
            majora_and_name = ((">", "3"), ("address:", majora.url), ("name:", "alice"))
            pair = (
                ("id:", alice.application.client_id),
                ("hidden", alice.application.client_secret),
            )
            steps = (*majora_and_name, *pair, (">", "1"), (r"\[Y/n\]", "y"), (LINK, ""))
            alice.runs("init", ends=0, answers=steps)
            alice.runs("status", ends=0)
            alice.runs("schedule", "--show", ends=0)
            alice.breaks_it()
            alice.runs("doctor", ends=1)
            alice.runs("doctor", "--fix", ends=0, answers=[(r"\[Y/n\]", "y")])
            alice.config.write_text(
                alice.config.read_text().replace(
                    alice.application.client_secret, "x" * 128
                )
            )
            alice.runs("refresh", ends=1)
            intro = "<!-- Written by docs/make_pictures.py from real runs. -->\n\n# Screens\n\nWhat the commands show"
            page = f"{intro}, at a practice Majora on one machine. The last one is what an error looks like.\n\n"
            (ROOT / "docs" / "screens.md").write_text(
                page + "\n".join(alice.pages), encoding="utf-8"
            )
    finally:
        shutil.rmtree(HOME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
