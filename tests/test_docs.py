"""What the docs say is what there is: pages made from the code, commands, exit codes, links, figures, scripts."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from tests.bench import simulation
from tests.conftest import Kit, mode_of

from ocarina_kit import __version__
from ocarina_kit.cli.app import COMMANDS, root
from ocarina_kit.doctor.check import all_checks
from ocarina_kit.sandbox import Sandbox, install_standin
from ocarina_kit.system.errors import Exit

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ocarina_kit"
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")))
NAMES = {row[0] for row in COMMANDS}
LOOKUP = "majora2.view_biosampleartifact"
of_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    return loaded(DOCS / "make.py")


@pytest.fixture(scope="module")
def known_ids(maker: ModuleType) -> set[str]:
    return {check.id for check in all_checks()} | set(maker.own_messages())


# --- pages made from the code -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["commands.md", "checks.md", "ocarina-kit.1"])
def test_a_page_made_from_the_code_is_what_the_code_gives(name: str, maker: ModuleType) -> None:
    assert (DOCS / name).read_text("utf-8") == maker.PAGES[name](), "run: python docs/make.py"


def test_the_man_page_has_no_fault() -> None:
    page = DOCS / "ocarina-kit.1"
    tools = (("mandoc", "-T", "lint", "-W", "warning"), ("groff", "-man", "-ww", "-z", "-T", "utf8"))
    for tool in (tool for tool in tools if shutil.which(tool[0])):
        done = subprocess.run([*tool, page], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert set(re.findall(r"^\.SS (.+)$", page.read_text("utf-8").replace("\\-", "-"), re.MULTILINE)) == NAMES


# --- commands -----------------------------------------------------------------------------------------------------


def commands_in(page: Path) -> Iterator[list[str]]:
    """The words after each ``ocarina-kit`` in code, in blocks and in lines; not in what a terminal showed."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for written in [*"\n".join(blocks).splitlines(), *spans]:
        line = re.sub(r" \d?>[^\s;]+| \"\$@\"|; then\b|\s#.*", "", written)
        for said in re.findall(
            r"(?:^|[\s/('\"])(?:ocarina-kit|\"\$kit\")(?=[ )\n]|$)((?: [^|;&()#>]+)*)", line
        ):
            try:
                words = shlex.split(said)
            except ValueError:  # cut off inside quotes, such as a shell's own eval "$(…)"
                words = said.replace('"', " ").split()
            if words and not words[0].startswith(("\\", "~")):
                yield words


def parsed(words: list[str]) -> None:
    """Fails if the command would not take these words. Runs nothing."""
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


def refused(words: list[str]) -> str:
    try:
        parsed(words)
    except Exception as problem:
        return f"ocarina-kit {' '.join(words)}: {problem!r}"
    return ""


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in ("commands.md", "screens.md")],
    ids=lambda page: page.name,
)
def test_the_commands_that_a_page_shows_exist_with_their_options(page: Path) -> None:
    assert list(filter(None, map(refused, commands_in(page)))) == []
    assert all(map(refused, (["heel"], ["doctor", "--fixx"], ["status", "--within"])))  # it notices


@of_page
def test_the_programs_and_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"(?:python|pytest) ((?:docs|tests|tools)/[\w./]+)", page.read_text("utf-8"))
    named += re.findall(r"`((?:docs|tests|tools|recipe|src|\.ci)/[\w./*-]+)`", page.read_text("utf-8"))
    assert [name for name in named if not any(ROOT.glob(name.rstrip("/")))] == []


def test_readme_is_short_and_names_every_command() -> None:
    assert len(README.read_text("utf-8").split()) <= 800
    assert {words[0] for words in commands_in(README)} >= NAMES


@pytest.mark.parametrize(("marker", "extra"), [("demo", "sandbox"), ("test", "tests")])
def test_the_marked_commands_do_all_the_set_up(marker: str, extra: str) -> None:
    """As .ci/run takes it out of the README; it runs the one for the tests, and the demo has its own tests."""
    script = (
        f"sed -n '/<!-- {marker} command -->/,/<!-- end -->/p' README.md | grep -v -e '<!--' -e '```' -e '^$'"
    )
    command = subprocess.run(
        ["sh", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    install, run = command.removesuffix("\n").removeprefix("python3 -m venv .venv && ").split(" && ")
    assert re.fullmatch(rf"\.venv/bin/pip install --quiet (--editable )?'\.\[{extra}\]'", install)
    assert run in (".venv/bin/ocarina-kit demo", ".venv/bin/pytest -n auto")


# --- links, ids, figures ------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """What a link into a page may name, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


@of_page
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_has_every_page() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    names = {page.name for page in PAGES} - {"index.md", "LICENSE"}
    assert {name for name in names if f"{name})" not in index} == set()


@of_page
def test_nothing_of_a_private_place_or_an_id_that_does_not_exist_is_in_a_page(
    page: Path, known_ids: set[str]
) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"/(?:work|tmp|root)/|pypi\.org|anaconda\.org|pythonhosted", text)
    assert set(re.findall(r"\b[A-Z]{3}\d{3}\b", text)) - known_ids <= {"TOK009"}  # CONTRIBUTING's example


def test_exit_codes_are_those_of_the_code() -> None:
    page = (DOCS / "exit-codes.md").read_text("utf-8")
    codes = {int(code) for code in re.findall(r"^\| `(\d+)` \|", page, re.MULTILINE)}
    assert codes == {value for name, value in vars(Exit).items() if name.isupper()}


def test_the_simulated_figures_are_what_the_bench_gives() -> None:
    table = (DOCS / "tokens.md").read_text("utf-8").split("<!-- simulation -->")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| (\d+) % \| ([\d.]+) % \| (\d+) \| ([\d.]+) % \| (\d+) \|$", table, re.MULTILINE)
    assert len(rows) == 3
    for failing, *said in rows:
        for way, (usable, logins) in zip(
            simulation.WAYS[:: len(simulation.WAYS) - 1], (said[:2], said[2:]), strict=True
        ):
            seen = simulation.simulated(way, int(failing) / 100, years=200)
            assert (usable, logins) == (f"{seen.usable * 100:.2f}", f"{seen.logins:.0f}")


def test_architecture_names_only_what_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for name in re.findall(
        r"`((?:cli|doctor|tokens|cron|majora|client|config|system|sandbox)/[\w./]*)`", text
    ):
        module, _, attribute = name.rstrip("/").removesuffix(".py").partition(".")
        path = PACKAGE / f"{module}.py"
        assert path.is_file() or path.with_suffix("").is_dir(), name
        found = not attribute or re.search(rf"\b(?:def|class) {attribute}\b", path.read_text())
        assert found, name


# --- the site lead's script ---------------------------------------------------------------------------------------

SUDO = """#!/bin/sh
# A stand-in for `sudo -n -H -u ACCOUNT -- COMMAND…`: the same user here, in the account's home.
[ "$1 $2 $3 $5" = "-n -H -u --" ] || exit 99
HOME="$HOMES/$4" LOGNAME="$4" KIT_TEST_CRONTAB="$HOMES/$4/spool-crontab"
export HOME LOGNAME KIT_TEST_CRONTAB
shift 5
cd "$HOME" && exec "$@"
"""


def test_the_site_leads_script_sets_up_a_group(kit: Kit, running: Sandbox) -> None:
    page = (DOCS / "site-leads.md").read_text("utf-8")
    script = kit.home / "onboard.sh"
    script.write_text(page.split("<!-- onboarding script -->\n```bash\n")[1].split("```")[0])
    homes, programs = kit.home / "homes", kit.home / "programs"
    programs.mkdir()
    for name, text in (("sudo", SUDO), ("kit", f'#!/bin/sh\nexec {shlex.join(kit.command())} "$@"\n')):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    client = install_standin(kit.home / "shared")

    paths = {"PATH": f"{programs}:{kit.env['PATH']}", "KIT": str(programs / "kit")}
    env = {**kit.env, **paths, "HOMES": str(homes), "CLIENT": str(client), "DOMAIN": running.url}

    def run(*args: str, stdin: str = "") -> tuple[int, str, str]:
        how: dict[str, Any] = {"input": stdin, "env": env, "cwd": kit.home}
        done = subprocess.run(["bash", script, *args], capture_output=True, text=True, check=False, **how)
        assert not any(secret in done.stdout + done.stderr for secret in kit.secrets)
        return done.returncode, done.stdout, done.stderr

    users, people = {}, ""
    for name in ("alice", "bob", "carol"):
        (homes / name).mkdir(parents=True)
        users[name] = user = running.add_user(f"lab-{name}")
        application = running.add_application(user)
        kit.secrets.add(application.client_secret)
        secret = application.client_secret if name != "carol" else "x" * 128
        (homes / name / "majora-secret").write_text(secret + "\n")
        people += f"{name} {user.name} {application.client_id}\n"
    (kit.home / "people.txt").write_text(people)

    code, out, err = run("link")
    assert (code, out, err[:6]) == (2, "", "Usage:")

    code, out, err = run("prepare")
    said = ["alice: ready to log in", "bob: ready to log in", "carol: not set up (exit 1)"]
    assert (code, out.splitlines()) == (1, said), err
    assert "CRD001" in err
    for name in ("alice", "bob"):
        assert mode_of(homes / name / ".ocarina") == 0o600
        assert not (homes / name / "majora-secret").exists()
    assert not (homes / "carol" / ".ocarina").exists()

    code, link, err = run("link", "alice")
    assert code == 0, err
    code, out, err = run("callback", "alice", stdin=running.authorize(users["alice"], link.strip()) + "\n")
    assert code == 0, out + err
    assert (homes / "alice" / "spool-crontab").read_text().count("# ocarina-kit") == 1

    # Whether a cron daemon runs is this machine's own affair (CRN006).
    code, out, err = run("look", "--skip", "CRN006", "--timeout", "60")
    lines = dict(line.split(": ", 1) for line in out.splitlines())
    assert (code, lines["alice"]) == (1, "everything works"), out + err
    assert lines["bob"].startswith("TOK001 ")
    assert lines["bob"].endswith(" ocarina-kit login")
    assert lines["carol"].startswith("CFG001 ")


# --- what README says is touched ----------------------------------------------------------------------------------


def test_nothing_is_touched_but_what_readme_says_and_its_commands_undo_it(kit: Kit, running: Sandbox) -> None:
    undo = README.read_text("utf-8").split("To undo it", 1)[1].split("```\n", 2)[1]

    def does(*args: str, stdin: str = "") -> str:
        ran = kit.run(*args, stdin=stdin)
        assert ran.code == 0, ran
        return ran.out.strip()

    user = running.add_user("touched")
    application: Any = running.add_application(user)
    kit.secrets.add(application.client_secret)
    client = install_standin(kit.home / "client")
    before = {*kit.home.iterdir(), kit.crontab_file}
    given = ("--domain", running.url, "--user", "touched", "--client-id", application.client_id)
    does("init", *given, "--client-secret-file", "-", "--yes", stdin=application.client_secret + "\n")
    link = does("login", "--for", "lookup", "--print-url")
    does("login", "--callback", "-", stdin=running.authorize(user, link))
    does("schedule", "--ocarina", str(client), "--yes")
    does("refresh")

    touched = set(kit.home.iterdir()) - before
    files = {".ocarina", ".ocarina.lock", ".ocarina-tokens", ".ocarina-tokens.lock"}
    assert {path.name for path in touched} == {*files, ".local"}
    assert [path.name for path in (kit.home / ".local" / "state").iterdir()] == ["ocarina-kit"]
    private = [*(path for path in touched if path.is_file()), *kit.state.rglob("*")]
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
    files = [path for path in kit.home.rglob("*") if client.parents[1] not in path.parents]
    assert [path for path in files if "ocarina" in path.name] == []


def test_every_command_that_a_page_shows_runs(kit: Kit, running: Sandbox) -> None:
    """In a healthy home, without a terminal, the gentle ones first. What has a placeholder is parsed above."""
    pages = [page for page in PAGES if page.name not in ("commands.md", "screens.md")]
    shown = {tuple(words) for page in pages for words in commands_in(page)}
    odd = re.compile(
        r"[A-Z]{2}\b|\$|/opt|\b(?:demo|sandbox|install-client)\b"
    )  # the last have their own tests
    plain = [each for each in shown if not odd.search(" ".join(each))]
    assert len(plain) > 25
    user, _ = kit.set_up(running, "pages")
    client = install_standin(kit.home / "client")
    kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
    link = kit.run("login", "--print-url").out.strip()
    assert kit.run("login", "--callback", "-", stdin=running.authorize(user, link)).code == 0
    for words in sorted(plain, key=lambda each: ("logout" in each, "--remove" in each, each)):
        ran = kit.run(*words)
        assert ran.code in (0, 1, 2, 4, 5), ran
        assert not re.search("No such|unexpected extra|Missing", ran.err), ran


# --- a release ----------------------------------------------------------------------------------------------------


def test_a_release_comes_from_a_tag_in_one_command(tmp_path: Path) -> None:
    tree, out = tmp_path / "tree", tmp_path / "out"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("__pycache__", ".*", "dist", "build"))
    tag = f"v{__version__}"

    def git(*words: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "core.hooksPath=/dev/null")
        subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "All")
    git("tag", tag)
    pages = f"https://host.example/o/ocarina-kit/blob/{tag}"
    command = [sys.executable, "tools/release.py", tag, "--pages", pages, "--no-conda", "--out", out]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    archive, wheel = f"ocarina_kit-{__version__}.tar.gz", f"ocarina_kit-{__version__}-py3-none-any.whl"
    assert {path.name for path in out.iterdir()} == {archive, wheel, "recipe.yaml"}
    digest = next(line[:64] for line in done.stdout.splitlines() if line.endswith(".tar.gz"))
    assert f"\n  path: {archive}\n  sha256: {digest}\n" in (out / "recipe.yaml").read_text()
    with zipfile.ZipFile(out / wheel) as packed:
        metadata = packed.read(f"ocarina_kit-{__version__}.dist-info/METADATA").decode()
    assert f"]({pages}/docs/index.md)" in metadata
    assert f"]({pages.replace('/blob/', '/raw/')}/docs/pictures/doctor.svg)" in metadata

    checked, log = loaded(ROOT / "tools" / "release.py").checked, tree / "CHANGELOG.md"
    with pytest.raises(SystemExit, match="the tag is"):
        checked(tree, "v9.9.9")
    unreleased, dated = "## [Unreleased]\n", f"## [{__version__}] - 2"
    for words, before, after in (
        ("text under Unreleased", unreleased, f"{unreleased}\n- More.\n"),
        ("no dated section", dated, dated.replace("- ", "")),
    ):
        kept = log.read_text()
        log.write_text(kept.replace(before, after))
        with pytest.raises(SystemExit, match=words):
            checked(tree, tag)
        log.write_text(kept)
