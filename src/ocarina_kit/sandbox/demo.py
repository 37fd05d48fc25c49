"""Plays `ocarina-kit demo`: the set-up with real commands, and how faults are fixed.

It plays in a throwaway home with a practice Majora, a stand-in client and a crontab of
its own. All of it is in the sandbox's folder, which the sandbox's process removes, even
if the demo is killed. The exit code of each command is checked, and so are the crontab
and the server.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocarina_kit.sandbox.handle import Sandbox
from ocarina_kit.sandbox.standin import install_standin
from ocarina_kit.system.problem import Problem, Remedy
from ocarina_kit.system.process import run
from ocarina_kit.system.secret import mask

SAMPLE = "DEMO-0001"
SCOPE = "majora2.view_biosampleartifact"
BROKEN = ("CFG003", "CFG007", "TOK004", "CRN004")
"""The checks that must find the four faults (docs/checks.md)."""
DOCTOR = ("doctor", "--skip", "CRN006")
"""No cron daemon reads the demo's crontab, so the check for one is left out."""
THE_LABS = "# the lab's own\n30 2 * * 0 /usr/local/bin/weekly-backup --all\n"
"""The demo's crontab before the kit comes: no byte of it may change."""
# These lead to the person's own set-up, out of this machine, or to a browser of theirs.
_NOT_PASSED_ON = tuple(
    "ALL_PROXY BROWSER CLIENT_ CONDA CURL_CA DISPLAY FTP_PROXY HTTP_PROXY HTTPS_PROXY"
    " MAJORA MAMBA NETRC NO_PROXY OCARINA PIPX REQUESTS_ SSH_ SSL_ UV_ VIRTUAL_ENV"
    " WAYLAND_ XDG_".split()
)


class NotSoError(Exception):
    """A step did not do what it claims.

    The text says what was seen; it holds no secret.
    """


def run_demo(ui: Any, environ: Mapping[str, str]) -> Problem | None:
    """Play the demo until a step fails. Nothing of it is left, even if interrupted.

    Args:
        ui: The `Ui` of the command.
        environ: The person's environment. The commands get none of the variables that
            lead to what is theirs.

    Returns:
        DEM001 if a step failed.

    Raises:
        KitError: SBX001 if the extra is missing, SBX002 if no server starts.
    """
    ui.say(
        "Everything that ocarina-kit does, on this machine only: a practice Majora, a"
        " stand-in for the ocarina client, and a home folder and a crontab of their"
        " own. Your files and your crontab do not change."
    )
    with Sandbox.start() as majora:
        stage = Stage(ui, majora, environ)
        try:
            _set_up(stage)
            _break_and_fix(stage)
        except (NotSoError, OSError, ValueError, LookupError) as problem:
            # The last three: a file that a step reads for itself is missing or is not
            # what it should be.
            stage.end(str(problem), "failed")
            return Problem(
                message=f"The step {stage.title!r} did not do what it claims.",
                id="DEM001",
                why=f"{problem}.",
                remedy=Remedy(
                    "This is a fault of ocarina-kit. Please report it with the output"
                    " above."
                ),
            )
    return None


def _set_up(stage: Stage) -> None:
    stage.begin(
        "Set up",
        "Alice has registered an application on Majora's page. Here a script gives the"
        " secret on standard input, so that no command line shows it. At a terminal,"
        " `ocarina-kit init` asks for everything.",
    )
    server = ("--domain", stage.majora.url.rstrip("/"), "--user", stage.user.name)
    client = ("--client-id", stage.application.client_id, "--client-secret-file", "-")
    stage.kit(
        "init", *server, *client, "--yes", stdin=stage.application.client_secret + "\n"
    )
    stage.end(
        "~/.ocarina is readable only by Alice. The / that was missing at the end of the"
        " address is there."
    )

    stage.begin(
        "Log in",
        "At a terminal this is one command; here it is two steps, as in a script.",
    )
    printed = stage.kit("login", "--print-url").split()
    callback = stage.majora.authorize(
        stage.user, next(word for word in printed if "/o/authorize/?" in word)
    )
    stage.ui.say(
        "\nAlice opens that link in a browser, logs in with her second factor, presses"
        " Authorize, and copies the address of the page that opens:\n"
    )
    stage.kit("login", "--callback", "-", stdin=callback + "\n")
    stage.end("The token is saved, and Majora accepts it.")

    stage.begin(
        "Keep the token fresh",
        "It is valid for 10 hours. Cron refreshes it long before.",
    )
    stage.kit("schedule", "--yes")
    stage.claim_line_names(stage.client)
    stage.end("One line was added; the lab's own lines did not change.")

    stage.begin(
        "Check it",
        "No cron daemon reads the demo's crontab: the check for one is left out.",
    )
    stage.kit(*DOCTOR)
    stage.end("Everything works.")


def _break_and_fix(stage: Stage) -> None:
    stage.begin("Break it", "Now four things that happen to people:")
    stage.config.write_text(
        stage.config.read_text().replace(stage.majora.url, stage.majora.url.rstrip("/"))
    )
    stage.config.chmod(0o644)
    tokens = json.loads(stage.tokens.read_text())
    tokens[SCOPE]["expires_at"] = time.time() - 24 * 3600
    stage.tokens.write_text(json.dumps(tokens))
    stage.majora.expire_tokens()
    gone = stage.home / "envs" / "last-year" / "bin" / "ocarina"
    stage.crontab.write_text(
        stage.crontab.read_text().replace(str(stage.client), str(gone))
    )
    stage.ui.say(
        "Address: ~/.ocarina has lost the last / of MAJORA_DOMAIN.\n"
        "File mode: ~/.ocarina is 0644. Others on this machine can read the secret.\n"
        "Token: it expired yesterday, as cron did not run in time.\n"
        "Crontab: the line names an environment that was deleted."
    )
    stage.end("Four faults. Each of them stops ocarina, or gives a secret away.")

    stage.begin("Find out why", "The last line of doctor is the next step.")
    printed = stage.kit(*DOCTOR, code=1)
    claim(
        all(one in printed for one in BROKEN),
        f"doctor does not find all of {', '.join(BROKEN)}",
    )
    stage.end("Doctor found all four, and the command that fixes them.")

    stage.begin(
        "Fix it",
        "Doctor shows each change first. It would also ask; --yes agrees beforehand.",
    )
    stage.kit(*DOCTOR, "--fix", "--yes")
    stage.claim_line_names(stage.client)
    stage.end(
        "All four are fixed, without a browser. What was changed is kept as a backup."
    )

    stage.begin("Check it again", "Is everything fixed?")
    stage.kit(*DOCTOR)
    stage.end("Everything works.")

    stage.begin("Use it", "The client asks Majora for a sample.")
    stage.majora.clear_requests()
    asked = ("ocarina", "--oauth", "get", "biosample", "--central-sample-id", SAMPLE)
    printed = stage.show([str(stage.client)], asked)
    claim(SAMPLE in printed, f"the client did not print {SAMPLE}")
    answers = [seen.status for seen in stage.majora.requests if seen.scheme == "Bearer"]
    claim(answers == [200], f"the server answered {answers} to the token, not 200")
    stage.end("The client reads what ocarina-kit wrote, and Majora accepts its token.")


class Stage:
    """One throwaway home and what is around it."""

    def __init__(self, ui: Any, majora: Sandbox, environ: Mapping[str, str]) -> None:
        """Make the home, with a client and a crontab."""
        self.ui = ui
        self.majora = majora
        self.user = majora.add_user("alice")
        self.application = majora.add_application(self.user)
        majora.add_sample(SAMPLE)
        self.home = majora.folder / "home"
        self.config = self.home / ".ocarina"
        self.tokens = self.home / ".ocarina-tokens"
        self.client = install_standin(self.home / "envs" / "ocarina")
        self.crontab = majora.folder / "crontab"
        self.crontab.write_text(THE_LABS)
        program = majora.folder / "bin" / "crontab"
        program.parent.mkdir()
        program.write_bytes(
            (Path(__file__).parent / "programs" / "crontab").read_bytes()
        )
        program.chmod(0o755)
        path = (
            self.client.parent,
            program.parent,
            Path(sys.executable).parent,
            "/usr/bin",
            "/bin",
        )
        kept = {
            name: text
            for name, text in environ.items()
            if not name.upper().startswith(_NOT_PASSED_ON)
        }
        here = {
            "HOME": str(self.home),
            "PWD": str(self.home),
            "PATH": os.pathsep.join(map(str, path)),
        }
        self.env = {**kept, **here}
        self.number, self.title = 0, ""

    def begin(self, title: str, says: str) -> None:
        """Show the heading of a step, and what it is about."""
        self.number, self.title = self.number + 1, title
        self.ui.say()
        self.ui.heading(f"{self.number}. {title}")
        self.ui.say(f"{says}\n")

    def end(self, seen: str, status: str = "ok") -> None:
        """Show what came of a step."""
        self.ui.say()
        self.ui.status(status, seen, column=6)

    def kit(self, *args: str, stdin: str = "", code: int = 0) -> str:
        """Run `ocarina-kit` as a person would, and show it.

        Returns:
            What it printed.

        Raises:
            NotSoError: for another exit code than `code`.
        """
        return self.show(
            [sys.executable, "-m", "ocarina_kit"], ("ocarina-kit", *args), stdin, code
        )

    def show(
        self, program: list[str], words: tuple[str, ...], stdin: str = "", code: int = 0
    ) -> str:
        """Run a program, shown as the command `words`; else as `kit`."""
        typed = shlex.join(words)
        self.ui.command(f"$ {typed}", indent=4)
        # Both streams in their order, as in a terminal.
        argv = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *program, *words[1:]]
        ran = run(argv, env=self.env, cwd=self.home, stdin=stdin.encode(), timeout=60)
        printed = ran.stdout.decode("utf-8", "backslashreplace")
        self.ui.say(
            mask(printed.rstrip("\n"), (self.application.client_secret,)), indent=4
        )
        claim(
            ran.code == code,
            f"`{typed}` ended with {ran.error or f'exit code {ran.code}'}, not {code}",
        )
        return printed

    def claim_line_names(self, client: Path) -> None:
        """Check that the kit's one line runs this client, and that others are kept."""
        text = self.crontab.read_text()
        ours = [
            line
            for line in text.splitlines(keepends=True)
            if line.endswith(" # ocarina-kit\n")
        ]
        claim(
            len(ours) == 1, f"the crontab has {len(ours)} lines of ocarina-kit, not one"
        )
        claim(
            text.replace(ours[0], "") == THE_LABS, "a line of the lab's own was changed"
        )
        claim(str(client) in ours[0], f"the crontab line does not name {client}")


def claim(holds: bool, otherwise: str) -> None:
    """Raise `NotSoError`, unless the claim holds."""
    if not holds:
        raise NotSoError(otherwise)
