"""What the docs say is what there is.

Pages made from the code, commands, exit codes, links, figures, scripts.
"""

import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from tests.bench import simulation
from tests.client.stub import program
from tests.conftest import Kit, mode_of

from ocarina_kit.cli.app import COMMANDS, root
from ocarina_kit.doctor import tokens
from ocarina_kit.doctor.check import REGISTRY
from ocarina_kit.sandbox import Sandbox, install_standin
from ocarina_kit.system.problem import Exit

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ocarina_kit"
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")))
MADE = (DOCS / "commands.md", DOCS / "screens.md")
"""By a program, from what the command prints."""
NAMES = {row[0] for row in COMMANDS}


# --- pages made from the code


def test_a_page_made_from_the_code_is_what_the_code_gives() -> None:
    made = {
        name: page()
        for name, page in runpy.run_path(str(DOCS / "make.py"))["PAGES"].items()
    }
    assert list(made) == ["commands.md", "checks.md", "ocarina-kit.1"]
    old = [
        name for name, text in made.items() if (DOCS / name).read_text("utf-8") != text
    ]
    assert old == [], "run: python docs/make.py"


def test_the_man_page_has_no_fault() -> None:
    page = DOCS / "ocarina-kit.1"
    tools = (
        ("mandoc", "-T", "lint", "-W", "warning"),
        ("groff", "-man", "-ww", "-z", "-T", "utf8"),
    )
    for tool in (tool for tool in tools if shutil.which(tool[0])):
        done = subprocess.run(
            [*tool, page], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert (
        set(
            re.findall(
                r"^\.SS (.+)$",
                page.read_text("utf-8").replace("\\-", "-"),
                re.MULTILINE,
            )
        )
        == NAMES
    )


# --- what a page can have wrong: functions that give it


def commands_in(page: Path) -> Iterator[list[str]]:
    """The words after each ``ocarina-kit`` in code, in blocks and in lines.

    Not in what a terminal showed.
    """
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(
        r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )
    for written in [*"\n".join(blocks).splitlines(), *spans]:
        line = re.sub(r" \d?>[^\s;]+| \"\$@\"|; then\b|\s#.*", "", written)
        for said in re.findall(
            r"(?:^|[\s/('\"])(?:ocarina-kit|\"\$kit\")(?=[ )\n]|$)((?: [^|;&()#>]+)*)",
            line,
        ):
            try:
                words = shlex.split(said)
            except (
                ValueError
            ):  # cut off inside quotes, such as a shell's own eval "$(…)"
                words = said.replace('"', " ").split()
            if words and not words[0].startswith(("\\", "~")):
                yield words


def refused(words: list[str]) -> str:
    """Why the command would not take these words; empty if it would. Runs nothing."""
    app = root()
    context = typer.Context(app, info_name="ocarina-kit")
    try:
        _, rest, _ = app.make_parser(context).parse_args(list(words))
        command = app.get_command(context, rest[0]) if rest else app
        inner = typer.Context(command, parent=context)
        _, left, _ = command.make_parser(inner).parse_args(rest[1:])
    except Exception as problem:
        return f"ocarina-kit {' '.join(words)}: {problem!r}"
    return f"ocarina-kit {' '.join(words)}: takes no {left}" if left else ""


def refused_commands(page: Path) -> Iterable[str]:
    return filter(None, map(refused, () if page in MADE else commands_in(page)))


def missing_files(page: Path) -> Iterable[str]:
    text = page.read_text("utf-8")
    named = re.findall(r"(?:python|pytest) ((?:docs|tests|tools)/[\w./]+)", text)
    named += re.findall(r"`((?:docs|tests|tools|recipe|src|\.ci)/[\w./*-]+)`", text)
    return (name for name in named if not any(ROOT.glob(name.rstrip("/"))))


def broken_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\((?!https://)([^)\s]+)\)", page.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        headings = re.findall(
            r"^#+ (.+)$", target.read_text("utf-8") if anchor else "", re.MULTILINE
        )
        # As GitHub makes them of headings.
        anchors = [
            re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            for heading in headings
        ]
        if not target.exists() or (anchor and anchor not in anchors):
            yield link


def private_places(page: Path) -> Iterable[str]:
    return re.findall(
        r"/(?:work|tmp|root)/|pypi\.org|anaconda\.org|pythonhosted",
        page.read_text("utf-8"),
    )


def unknown_ids(page: Path) -> Iterable[str]:
    known = re.findall(
        r"^(?:### |- \*\*)([A-Z]{3}\d{3})",
        (DOCS / "checks.md").read_text("utf-8"),
        re.MULTILINE,
    )
    # TOK999 is CONTRIBUTING's example.
    return set(re.findall(r"\b[A-Z]{3}\d{3}\b", page.read_text("utf-8"))) - {
        *known,
        "TOK999",
    }


def missing_names(page: Path) -> Iterator[str]:
    rooms = "cli|doctor|tokens|cron|majora|client|config|system|sandbox"
    for name in re.findall(rf"`((?:{rooms})/[\w./]*)`", page.read_text("utf-8")):
        module, _, attribute = name.rstrip("/").removesuffix(".py").partition(".")
        path = PACKAGE / f"{module}.py"
        if attribute and not re.search(
            rf"\b(?:def|class) {attribute}\b", path.read_text()
        ):
            yield name
        if not path.is_file() and not path.with_suffix("").is_dir():
            yield name


FAULTS = [
    refused_commands,
    missing_files,
    broken_links,
    private_places,
    unknown_ids,
    missing_names,
]


@pytest.mark.parametrize("faults", FAULTS)
def test_no_page_has(faults: Callable[[Path], Iterable[str]], tmp_path: Path) -> None:
    assert [(page.name, fault) for page in PAGES for fault in faults(page)] == []
    page = tmp_path / "page.md"  # one with each fault
    page.write_text(
        "`ocarina-kit doctor --fixx` `tests/gone.py` [x](#gone) /tmp/ XYZ001 `cli/gone`"
    )
    assert len(list(faults(page))) == 1


def test_readme_is_short_and_names_every_command() -> None:
    assert len(README.read_text("utf-8").split()) <= 800
    assert {words[0] for words in commands_in(README)} >= NAMES


@pytest.mark.parametrize(
    ("marker", "install", "run"),
    [
        ("demo", "'.[sandbox]'", "ocarina-kit demo"),
        ("test", "--no-compile --editable '.[tests]'", "pytest -n auto"),
    ],
)
def test_readmes_marked_commands_do_all_the_set_up(
    marker: str, install: str, run: str
) -> None:
    """.ci/run takes the one for the tests by its marker.

    The demo has tests of its own.
    """
    command = (
        f"python3 -m venv .venv && .venv/bin/pip install --quiet {install} &&"
        f" .venv/bin/{run}"
    )
    assert (
        f"<!-- {marker} command -->\n```\n{command}\n```\n<!-- end -->\n"
        in README.read_text("utf-8")
    )


def test_the_index_has_every_page() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    assert [page.name for page in PAGES if f"{page.name})" not in index] == ["index.md"]


def test_exit_codes_are_those_of_the_code() -> None:
    page = (DOCS / "exit-codes.md").read_text("utf-8")
    codes = {int(code) for code in re.findall(r"^\| `(\d+)` \|", page, re.MULTILINE)}
    assert codes == {value for name, value in vars(Exit).items() if name.isupper()}


def test_the_example_of_a_check_is_one() -> None:
    written = (
        (ROOT / "CONTRIBUTING.md")
        .read_text("utf-8")
        .split("```python\n")[1]
        .split("```")[0]
    )
    exec(written, dict(vars(tokens)))  # noqa: S102  # as it would stand in that module
    example, token = REGISTRY.pop("TOK999"), SimpleNamespace(key=" ")
    outcome = example.judge(SimpleNamespace(tokens=SimpleNamespace(usable=[token])))
    assert (outcome.status, outcome.said) == ("fail", "1 tokens have a blank scope.")
    assert example.impact == "What happens if it is wrong."


def test_the_simulated_figures_are_what_the_bench_gives() -> None:
    table = (
        (DOCS / "tokens.md")
        .read_text("utf-8")
        .split("<!-- simulation -->")[1]
        .split("<!-- end -->")[0]
    )
    rows = re.findall(
        r"^\| (\d+) % \| ([\d.]+) % \| (\d+) \| ([\d.]+) % \| (\d+) \|$",
        table,
        re.MULTILINE,
    )
    assert len(rows) == 3
    for failing, *said in rows:
        seen = [
            simulation.simulated(simulation.WAYS[way], int(failing) / 100, years=200)
            for way in (0, -1)
        ]
        assert said == [
            text
            for way in seen
            for text in (f"{way.usable * 100:.2f}", f"{way.logins:.0f}")
        ]


# --- the site lead's script

SUDO = """#!/bin/sh
# A stand-in for `sudo -n -H -u ACCOUNT -- COMMAND…`:
# the same user here, in the account's home.
[ "$1 $2 $3 $5" = "-n -H -u --" ] || exit 99
export HOME="$HOMES/$4" LOGNAME="$4" KIT_TEST_CRONTAB="$HOMES/$4/spool-crontab"
shift 5
cd "$HOME" && exec "$@"
"""


def test_the_site_leads_script_sets_up_a_group(kit: Kit, running: Sandbox) -> None:
    page = (DOCS / "site-leads.md").read_text("utf-8")
    script = kit.home / "onboard.sh"
    script.write_text(
        page.split("<!-- onboarding script -->\n```bash\n")[1].split("```")[0]
    )
    homes, programs = kit.home / "homes", kit.home / "programs"
    program(programs / "sudo", SUDO)
    program(programs / "kit", f'#!/bin/sh\nexec {shlex.join(kit.command())} "$@"\n')
    env = {
        **kit.env,
        "PATH": f"{programs}:{kit.env['PATH']}",
        "KIT": str(programs / "kit"),
    }
    env |= {
        "HOMES": str(homes),
        "CLIENT": str(install_standin(kit.home / "shared")),
        "DOMAIN": running.url,
    }

    def run(*args: str, code: int = 0, stdin: str = "") -> str:
        how: dict[str, Any] = {"input": stdin, "env": env, "cwd": kit.home}
        done = subprocess.run(
            ["bash", script, *args], capture_output=True, text=True, check=False, **how
        )
        assert not any(secret in done.stdout + done.stderr for secret in kit.secrets)
        assert done.returncode == code, done
        return done.stdout

    users = {
        name: running.add_user(f"lab-{name}") for name in ("alice", "bob", "carol")
    }
    people = ""
    for name, user in users.items():
        application = running.add_application(user)
        kit.secrets.add(application.client_secret)
        (homes / name).mkdir(parents=True)
        (homes / name / "majora-secret").write_text(application.client_secret + "\n")
        people += f"{name} {user.name} {application.client_id}\n"
    (homes / "carol" / "majora-secret").write_text("x" * 128)
    (kit.home / "people.txt").write_text(people)

    assert run("link", code=2) == ""
    ready = "alice: ready to log in\nbob: ready to log in\ncarol: not set up (exit 1)\n"
    assert run("prepare", code=1) == ready
    assert mode_of(homes / "alice" / ".ocarina") == 0o600
    assert not (homes / "alice" / "majora-secret").exists()
    assert not (homes / "carol" / ".ocarina").exists()
    link = run("link", "alice").strip()
    run("callback", "alice", stdin=running.authorize(users["alice"], link) + "\n")
    assert (homes / "alice" / "spool-crontab").read_text().count("# ocarina-kit") == 1
    # Whether a cron daemon runs is this machine's own affair (CRN006).
    looked = run("look", "--skip", "CRN006", "--timeout", "60", code=1)
    said = (
        "alice: everything works\nbob: TOK001 .* ocarina-kit login\ncarol: CFG001 .*\n"
    )
    assert re.fullmatch(said, looked), looked


def test_nothing_is_touched_but_what_readme_says_and_its_commands_undo_it(
    kit: Kit, running: Sandbox
) -> None:
    undo = README.read_text("utf-8").split("To undo it", 1)[1].split("```\n", 2)[1]

    def does(*args: str, stdin: str = "") -> str:
        ran = kit.run(*args, stdin=stdin)
        assert ran.code == 0, ran
        return ran.out.strip()

    user, application = kit.set_up(running, "touched")
    kit.config.unlink()
    client = install_standin(kit.home / "client")
    before = {*kit.home.iterdir(), kit.crontab_file}
    given = (
        "--domain",
        running.url,
        "--user",
        "touched",
        "--client-id",
        application.client_id,
    )
    does(
        "init",
        *given,
        "--client-secret-file",
        "-",
        "--yes",
        stdin=application.client_secret + "\n",
    )
    does(
        "login",
        "--callback",
        "-",
        stdin=running.authorize(user, does("login", "--print-url")),
    )
    does("schedule", "--ocarina", str(client), "--yes")
    does("refresh")

    touched = set(kit.home.iterdir()) - before
    files = {".ocarina", ".ocarina.lock", ".ocarina-tokens", ".ocarina-tokens.lock"}
    assert {path.name for path in touched} == {*files, ".local"}
    assert [path.name for path in (kit.home / ".local" / "state").iterdir()] == [
        "ocarina-kit"
    ]
    private = [*(path for path in touched if path.is_file()), *kit.state.rglob("*")]
    assert {mode_of(path) for path in private} == {0o600, 0o700}
    assert (
        (kit.crontab or "").count("\n")
        == (kit.crontab or "").count("# ocarina-kit")
        == 1
    )

    for line in undo.splitlines():
        words = shlex.split(line, comments=True)
        if words[0] == "ocarina-kit":
            does(*words[1:], "--yes")
        elif words[0] == "rm":
            subprocess.run(["sh", "-c", line], env=kit.env, cwd=kit.home, check=True)
    assert not kit.crontab
    left = [
        path for path in kit.home.rglob("*") if client.parents[1] not in path.parents
    ]
    assert [path for path in left if "ocarina" in path.name] == []


def test_every_command_that_a_page_shows_runs(kit: Kit, running: Sandbox) -> None:
    """In a healthy home, without a terminal, the gentle ones first.

    What has a placeholder is parsed above.
    """
    shown = {
        tuple(words)
        for page in PAGES
        if page not in MADE
        for words in commands_in(page)
    }
    # The last have their own tests.
    odd = re.compile(r"[A-Z]{2}\b|\$|/opt|\b(?:demo|sandbox|install-client)\b")
    plain = [words for words in shown if not odd.search(" ".join(words))]
    assert len(plain) > 25
    user, _ = kit.set_up(running, "pages")
    client = install_standin(kit.home / "client")
    kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
    link = kit.run("login", "--print-url").out.strip()
    assert (
        kit.run("login", "--callback", "-", stdin=running.authorize(user, link)).code
        == 0
    )
    for words in sorted(
        plain, key=lambda words: ("logout" in words, "--remove" in words, words)
    ):
        ran = kit.run(*words)
        assert ran.code in (0, 1, 2, 4, 5), ran
        assert not re.search("No such|unexpected extra|Missing", ran.err), ran
