"""What install-client would do, over literals."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from ocarina_kit.core.client import install_plan
from ocarina_kit.core.client.install_plan import CondaTool, InstallPlan, make_steps, parse_source
from ocarina_kit.core.errors import UsageError

PREFIX = PurePath("/home/u/envs/oca rina")


@pytest.mark.parametrize(
    ("given", "spec", "user", "password", "needs_git"),
    [
        (install_plan.DEFAULT_SOURCE, install_plan.DEFAULT_SOURCE, None, None, True),
        ("  /src/ocarina2 ", "/src/ocarina2", None, None, False),
        ("git+https://tok-en@host/r.git@v1#egg=x", "git+https://host/r.git@v1#egg=x", "tok-en", None, True),
        ("git+https://me:p%40ss@host:8443/r.git", "git+https://host:8443/r.git", "me", "p@ss", True),
        ("ocarina @ git+https://tok-en@host/r.git", "ocarina @ git+https://host/r.git", "tok-en", None, True),
        ("https://me:hush-2@host/o.whl", "https://host/o.whl", "me", "hush-2", False),
        ("git+ssh://git@github.com/a/b.git", "git+ssh://git@github.com/a/b.git", None, None, True),
        ("git+file:///src/r", "git+file:///src/r", None, None, True),
        ("http://127.0.0.1:8000/o.whl", "http://127.0.0.1:8000/o.whl", None, None, False),
        ("http://me:pw@localhost/o.whl", "http://localhost/o.whl", "me", "pw", False),
    ],
)
def test_sources(given: str, spec: str, user: str | None, password: str | None, needs_git: bool) -> None:
    source = parse_source(given)
    found = (source.user and source.user.reveal(), source.password and source.password.reveal())
    assert (source.spec, *found, source.needs_git) == (spec, user, password, needs_git)
    assert source.with_credentials.reveal() == given.strip()
    for secret in source.secrets:
        assert secret.reveal() not in repr(source)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "  ",
        "--index-url=x",
        "-e .",
        "a\nb",
        "ocarina",
        "Ocarina==1.1.14",
        "ocarina[x] >= 1",
        "http://host/o.whl",
        "git+http://host/r",
        "git://host/r",
        "http://localhost.evil.example/o.whl",
        "http://localhost@evil.example/o.whl",
    ],
)
def test_sources_that_are_refused(given: str) -> None:
    with pytest.raises(UsageError):
        parse_source(given)


@pytest.mark.parametrize("name", ["", "base", "ROOT", "a/b", "a b", "-x", ".x", "a:b", "a#b", "ü", "a\n"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        install_plan.checked_name(name)


@pytest.mark.parametrize("kind", ["conda", "mamba", "micromamba"])
def test_the_steps_with_conda(kind: str) -> None:
    tool = CondaTool(kind, f"/opt/bin/{kind}")
    create, pip = make_steps(PREFIX, parse_source("/src"), tool=tool, python="/p", has_git=True)
    assert create.argv[:6] == (tool.path, "create", "--yes", "--quiet", "--prefix", str(PREFIX))
    assert ("conda-forge" in create.argv) == (kind == "micromamba")
    assert "git" not in create.argv
    assert pip.argv[0] == "/home/u/envs/oca rina/bin/python"
    assert pip.argv[-1] == "/src"
    create, _ = make_steps(PREFIX, parse_source("/src"), tool=tool, python="/p", has_git=False)
    assert create.argv[-1] == "git"


def test_a_secret_never_stands_in_an_argument_or_in_the_shown_plan() -> None:
    for given in ("git+https://hush-hush@host/r.git", "https://me:hush-hush@host/o.whl"):
        source = parse_source(given)
        steps = make_steps(PREFIX, source, tool=None, python="/p", has_git=True)
        plan = InstallPlan(PREFIX, source, steps=steps, link=PurePath("/home/u/.local/bin/ocarina"))
        assert "hush-hush" not in plan.show() + repr(plan)
        assert source.spec in plan.show()
        assert plan.steps[1].source_on_stdin == (not source.needs_git)


def test_the_shown_plan_is_quoted_for_a_shell() -> None:
    source = parse_source("/my src")
    steps = make_steps(PREFIX, source, tool=None, python="/p", has_git=True)
    shown = InstallPlan(PREFIX, source, steps=steps).show()
    assert shown.splitlines()[0] == "/p -I -m venv '/home/u/envs/oca rina'"
    assert shown.splitlines()[1].endswith(" '/my src'")


def test_how_it_is_activated() -> None:
    source = parse_source("/src")
    assert InstallPlan(PREFIX, source).activate == ". '/home/u/envs/oca rina/bin/activate'"
    tool = CondaTool("mamba", "/m")
    assert InstallPlan(PREFIX, source, tool, "covid").activate == "mamba activate covid"
    assert InstallPlan(PREFIX, source, tool).activate == "mamba activate '/home/u/envs/oca rina'"


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("Error: ensurepip is not available", "python3-venv"),
        ("ERROR: Cannot find command 'git'", "git is missing"),
        ("fatal: unable to access 'x': Could not resolve host: github.com", "network"),
        ("SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "REQUESTS_CA_BUNDLE"),
        ("OSError: [Errno 28] No space left on device", "no room"),
        ("remote: Repository not found.", "--source"),
        ("something else", "--dry-run"),
    ],
)
def test_what_mends_a_failure(output: str, word: str) -> None:
    assert word in install_plan.likely_remedy(output)


def test_the_tail_of_an_output() -> None:
    assert install_plan.tail("a\n\nb  \n\nc\n", lines=2) == "b\nc"
