"""What the docs say is what there is: pages made from the code, commands, exit codes, links, files, a script."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from tests.bench import simulation
from tests.conftest import Kit, mode_of

from ocarina_kit.checks.registry import REGISTRY
from ocarina_kit.cli.app import click_usage_error, root
from ocarina_kit.cli.commands import NAMES
from ocarina_kit.core.errors import Exit
from ocarina_kit.core.explain import explain
from ocarina_kit.sandbox import Application, Sandbox, User, install_standin

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ocarina_kit"
README, ARCHITECTURE = ROOT / "README.md", ROOT / "ARCHITECTURE.md"
LEADS, CHANGELOG = ROOT / "docs" / "site-leads.md", ROOT / "CHANGELOG.md"
PAGES = (README, ARCHITECTURE, CHANGELOG, *sorted((ROOT / "docs").glob("*.md")))
WRITTEN_BY_HAND = (README, ARCHITECTURE, CHANGELOG, LEADS)
LOOKUP = "majora2.view_biosampleartifact"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def by_name(page: Path) -> str:
    return page.name


# --- the pages made from the code ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands.md", "checks.md"])
def test_a_page_made_from_the_code_is_what_the_code_gives(name: str, maker: ModuleType) -> None:
    assert read(ROOT / "docs" / name) == maker.PAGES[name](), "run: python docs/make_reference.py"


def test_every_id_of_the_kits_own_is_explained(maker: ModuleType) -> None:
    assert [id for id in maker.own_ids() if not explain(id)] == []


# --- commands and options -----------------------------------------------------------------------------------


def commands_in(page: Path) -> Iterator[list[str]]:
    """The words after each ``ocarina-kit`` in code, in blocks and in lines."""
    text = read(page)
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for written in [*"\n".join(blocks).splitlines(), *spans]:
        line = re.sub(r" \d?>[^\s;]+| \"\$@\"|; then\b", "", written)
        for said in re.findall(r"(?:^|[\s/('\"])(?:ocarina-kit|\"\$kit\")((?: [^|;&()#>]+)*)", line):
            try:
                words = shlex.split(said, comments=True)
            except ValueError:  # cut off inside quotes, such as a shell's own eval "$(…)"
                words = said.replace('"', " ").split()
            if words and not words[0].startswith("\\"):
                yield words


def parsed(words: list[str]) -> None:
    """Fails where the command would not take these words. Runs nothing."""
    app = root()
    context = typer.Context(app, info_name="ocarina-kit")
    _, rest, _ = app.make_parser(context).parse_args(list(words))
    if not rest:
        return
    name, *args = rest
    assert name in NAMES, f"no command {name!r}"
    command = app.get_command(context, name)
    inner = typer.Context(command, parent=context, info_name=name)
    _, left, _ = command.make_parser(inner).parse_args(args)
    assert left == [], f"{name} takes no {left}"


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=by_name)
def test_the_commands_that_a_page_shows_exist_with_their_options(page: Path) -> None:
    wrong = []
    for words in commands_in(page):
        try:
            parsed(words)
        except Exception as problem:
            wrong.append(f"ocarina-kit {' '.join(words)}: {problem!r}")
    assert wrong == []


def test_a_wrong_option_is_noticed() -> None:
    for words in (["heal"], ["status", "6h"]):
        with pytest.raises(AssertionError):
            parsed(words)
    for words in (["doctor", "--mend"], ["--colour", "status"], ["status", "--within"]):
        with pytest.raises(click_usage_error()):
            parsed(words)


def test_readme_names_every_command() -> None:
    named = {word for words in commands_in(README) for word in words[:1]}
    assert named >= NAMES


# --- links, files, ids, exit codes --------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """What a link into a page may name, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    named = re.findall(r"`((?:docs|tests|recipe|src|\.ci)/[\w./*-]+)`", read(page))
    assert [name for name in named if not any(ROOT.glob(name.rstrip("/")))] == []


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=by_name)
def test_the_ids_that_a_page_names_exist(page: Path) -> None:
    known = {check.id for check in REGISTRY}
    named = set(re.findall(r"\b[A-Z]{3}\d{3}\b", read(page)))
    assert {id for id in named if id not in known and explain(id) is None} == set()


def test_readmes_exit_codes_are_those_of_the_code() -> None:
    section = read(README).split("\n## Exit codes", 1)[1].split("\n## ", 1)[0]
    listed = {int(code) for code in re.findall(r"^\| `(\d+)` \|", section, re.MULTILINE)}
    assert listed == {int(code) for code in Exit}


def test_readmes_simulation_is_what_it_gives() -> None:
    section = read(README).split("\n## How it works", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (\d+) % \| ([\d.]+) % \| ([\d.]+) % \|$", section, re.MULTILINE)
    assert len(rows) == 3
    guides, ours = simulation.WAYS[0], simulation.WAYS[-1]
    for failing, guide, kit in rows:
        for way, said in ((guides, guide), (ours, kit)):
            usable = simulation.live(way, int(failing) / 100, years=200).usable
            assert said == f"{usable * 100:.2f}"


def test_architecture_names_only_rooms_and_names_that_exist() -> None:
    text = read(ARCHITECTURE)
    for span in re.findall(r"`([^`\n]+)`", text):
        path = span.rstrip("/")
        if re.fullmatch(
            r"(?:cli|core|edges|checks|flows|sandbox|net|disk|cron|client|person|look)(?:/[\w*.]+)*", path
        ):
            module, *attribute = path.split(".")
            places = [PACKAGE / module, *(PACKAGE.glob(f"*/{module}"))]
            found = [place for place in places if place.is_dir() or place.with_suffix(".py").is_file()]
            found += list(PACKAGE.glob(path))
            assert found, f"no room or module {span!r}"
            if attribute and attribute[0] != "py" and not path.endswith("*.py"):
                code = "".join(
                    read(each.with_suffix(".py")) for each in found if each.with_suffix(".py").is_file()
                )
                assert re.search(
                    rf"\b(?:def|class) {attribute[0]}\b|^{attribute[0]}\b", code, re.MULTILINE
                ), span


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_nothing_of_a_private_place_is_in_a_page(page: Path) -> None:
    text = read(page)
    assert not re.search(r"/(?:work|tmp|root)/|pypi\.org|anaconda\.org|pythonhosted", text)


# --- the site lead's script ---------------------------------------------------------------------------------

SUDO = """#!/bin/sh
# A stand-in for `sudo -n -H -u ACCOUNT -- COMMAND…`: the same user here, in the account's home.
[ "$1 $2 $3 $5" = "-n -H -u --" ] || exit 99
HOME="$HOMES/$4" LOGNAME="$4" KIT_TEST_CRONTAB="$HOMES/$4/spool-crontab"
export HOME LOGNAME KIT_TEST_CRONTAB
shift 5
cd "$HOME" && exec "$@"
"""


class Group:
    """Three people, and the lead who runs the page's script for them."""

    def __init__(self, kit: Kit, majora: Sandbox) -> None:
        self.kit, self.majora = kit, majora
        script = re.search(
            r"<!-- onboarding script -->\n```bash\n(.*?)```\n<!-- end -->", read(LEADS), re.DOTALL
        )
        assert script is not None
        self.script = kit.home / "onboard.sh"
        self.script.write_text(script[1])
        self.homes = kit.home / "homes"
        programs = kit.home / "programs"
        programs.mkdir()
        self._program(programs / "sudo", SUDO)
        self._program(programs / "kit", f'#!/bin/sh\nexec {shlex.join(kit.command())} "$@"\n')
        self.client = install_standin(kit.home / "shared")
        self.env = {
            **kit.env,
            "PATH": f"{programs}:{kit.env['PATH']}",
            "HOMES": str(self.homes),
            "KIT": str(programs / "kit"),
            "CLIENT": str(self.client),
            "DOMAIN": majora.url,
        }
        self.users: dict[str, User] = {}
        lines = []
        for name in ("alice", "bob", "carol"):
            (self.homes / name).mkdir(parents=True)
            self.users[name] = user = majora.add_user(f"lab-{name}")
            application: Application = majora.add_application(user)
            secret = self.homes / name / "majora-secret"
            secret.write_text(application.client_secret + "\n")
            secret.chmod(0o600)
            kit.secrets.add(application.client_secret)
            lines.append(f"{name} {user.name} {application.client_id}\n")
        (kit.home / "people.txt").write_text("".join(lines))

    def _program(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", str(self.script), *args],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.env,
            cwd=self.kit.home,
            check=False,
        )
        for secret in self.kit.secrets:
            assert secret not in done.stdout + done.stderr
        return done


@pytest.fixture
def group(kit: Kit) -> Iterator[Group]:
    with Sandbox.start() as majora:
        yield Group(kit, majora)


def test_the_site_leads_script_sets_up_a_group(group: Group) -> None:
    prepared = group.run("prepare")
    assert (prepared.returncode, prepared.stdout.count("ready to log in")) == (0, 3), prepared
    for name in group.users:
        assert mode_of(group.homes / name / ".ocarina") == 0o600
        assert not (group.homes / name / "majora-secret").exists()

    for name in ("alice", "bob"):
        link = group.run("link", name)
        assert link.returncode == 0, link
        callback = group.majora.authorize(group.users[name], link.stdout.strip())
        finished = group.run("callback", name, stdin=callback + "\n")
        assert finished.returncode == 0, finished
        assert (group.homes / name / "spool-crontab").read_text().count("# ocarina-kit") == 1

    # Whether a cron daemon runs is this machine's own affair (CRN006).
    looked = group.run("look", "--skip", "CRN006", "--timeout", "60")
    lines = dict(line.split(": ", 1) for line in looked.stdout.splitlines())
    assert looked.returncode == 1, looked
    assert lines["alice"] == lines["bob"] == "all is well"
    assert lines["carol"].startswith("TOK001 ")
    assert lines["carol"].endswith(" ocarina-kit login")


def test_the_site_leads_script_says_who_could_not_be_set_up(group: Group) -> None:
    (group.homes / "bob" / "majora-secret").write_text("x" * 128)
    prepared = group.run("prepare")
    assert prepared.returncode == 1
    assert prepared.stdout.splitlines() == [
        "alice: ready to log in",
        "bob: not set up (exit 1)",
        "carol: ready to log in",
    ]
    assert "CRD001" in prepared.stderr
    assert (group.homes / "bob" / "majora-secret").exists()
    assert not (group.homes / "bob" / ".ocarina").exists()
    assert group.run("mend").returncode == 2


def test_what_the_page_says_of_the_environment_is_so(group: Group) -> None:
    kit, majora = group.kit, group.majora
    application: Any = majora.add_application(group.users["alice"])
    variables = {
        "MAJORA_DOMAIN": majora.url,
        "MAJORA_USER": "lab-alice",
        "CLIENT_ID": application.client_id,
        "CLIENT_SECRET": application.client_secret,
    }
    assert kit.run("init", "--yes", env=variables).code == 0
    assert kit.read_config()["CLIENT_SECRET"] == application.client_secret
    assert kit.run("status", "--within", "6h").code == Exit.LOGIN
    kit.write_tokens({LOOKUP: majora.grant(group.users["alice"], application, LOOKUP, age=5 * 3600)})
    assert kit.run("status", "--within", "6h").code == Exit.PROBLEM
    assert kit.run("refresh").code == 0
    assert kit.run("status", "--within", "6h").code == 0
    assert os.listdir(kit.state)  # noqa: PTH208


# --- what README says is touched ----------------------------------------------------------------------------


def test_nothing_is_touched_but_what_readme_says_and_its_commands_undo_it(kit: Kit) -> None:
    before = set(kit.home.iterdir())
    undo = read(README).split("To undo it all", 1)[1].split("```\n", 2)[1]
    with Sandbox.start() as majora:
        user = majora.add_user("alice")
        application = majora.add_application(user)
        kit.secrets.add(application.client_secret)
        client = install_standin(kit.home / "client")
        before.add(client.parents[1])
        setup = ("--domain", majora.url, "--user", "alice", "--client-id", application.client_id)

        def does(*args: str, stdin: str = "") -> str:
            ran = kit.run(*args, stdin=stdin)
            assert ran.code == 0, ran
            return ran.out.strip()

        does("init", *setup, "--client-secret-file", "-", "--yes", stdin=application.client_secret + "\n")
        link = does("login", "--for", "lookup", "--print-url")
        does("login", "--callback", "-", stdin=majora.authorize(user, link))
        does("schedule", "--ocarina", str(client), "--yes")
        does("doctor", "--skip", "ENV,CRN006", "--timeout", "60")
        does("status")
        does("refresh")

        touched = set(kit.home.iterdir()) - before - {kit.crontab_file}
        assert {path.name for path in touched} == {
            ".ocarina",
            ".ocarina.lock",
            ".ocarina-tokens",
            ".ocarina-tokens.lock",
            ".local",
        }
        assert [path.name for path in (kit.home / ".local" / "state").iterdir()] == ["ocarina-kit"]
        private = [path for path in touched if path.is_file()] + [*kit.state.rglob("*")]
        assert {mode_of(path) for path in private} == {0o600, 0o700}
        assert kit.crontab is not None
        assert kit.crontab.count("\n") == kit.crontab.count("# ocarina-kit") == 1

        for line in undo.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] == "ocarina-kit":
                does(*words[1:], "--yes")
            elif words[0] == "rm":
                subprocess.run(["sh", "-c", line], env=kit.env, cwd=kit.home, check=True)
        assert not kit.crontab
        assert [
            path
            for path in kit.home.rglob("*")
            if "ocarina" in path.name and client.parents[1] not in path.parents
        ] == []
        assert majora.stats()["refreshes"] == 1
