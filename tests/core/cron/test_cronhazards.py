"""What cron breaks in a line, as typed faults."""

from __future__ import annotations

import pytest

from ocarina_kit.core.cron.cronhazards import Hazard, HazardKind, cron_hazards
from ocarina_kit.core.cron.cronline import LineSpec, Runner, build_line
from ocarina_kit.core.cron.crontab import Crontab, encode
from ocarina_kit.core.cron.refreshjob import refresh_jobs

T = "0 0,6,12,18 * * * "
OCARINA = "/opt/envs/ocarina/bin/ocarina"
HOME = "/home/u"


def hazards(text: str) -> list[Hazard]:
    crontab = Crontab.parse(encode(text))
    (job,) = refresh_jobs(crontab, "u", HOME)
    return list(cron_hazards(crontab, job, home=HOME))


@pytest.mark.parametrize(
    "text",
    [
        f"{T}{OCARINA} oauth refresh",
        f"{T}cd $HOME && {OCARINA} oauth refresh >> ~/log 2>&1",
        rf"{T}{OCARINA} oauth refresh >> log-$(date +\%F)",
        f"{T}{OCARINA} oauth refresh # 100% good",
        f"{T}~/bin/ocarina oauth refresh",
        f"{T}'/my env/bin/ocarina' oauth refresh",
        f"{T}timeout 60 nice {OCARINA} oauth refresh",
        f"{T}/opt/conda/bin/conda run -n ocarina ocarina oauth refresh",
        f"SHELL=/bin/bash\n{T}source /x/activate && {OCARINA} oauth refresh",
        f'SHELL=/bin/bash\nPATH=/opt/bin:/usr/bin:/bin\nHOME=/home/u/\nMAILTO=""\n{T}{OCARINA} oauth refresh',
        f"{T}{OCARINA} oauth refresh\nSHELL=/bin/false\nHOME=/x\nPATH=/x",
        f"HOME=/x\nHOME=/home/u\n{T}{OCARINA} oauth refresh",
    ],
)
def test_lines_that_cron_runs(text: str) -> None:
    assert hazards(text + "\n") == []


@pytest.mark.parametrize(
    ("text", "kind", "line", "sure", "words"),
    [
        (f"{T}{OCARINA} oauth refresh >> log-$(date +%F)", HazardKind.BARE_PERCENT, 1, True, "%F"),
        (f"{T}'~/bin/ocarina' oauth refresh", HazardKind.QUOTED_TILDE, 1, True, "'~/bin/ocarina'"),
        (f"{T}\"~/bin/ocarina\" oauth refresh", HazardKind.QUOTED_TILDE, 1, True, "~/bin/ocarina"),
        (f"{T}ocarina oauth refresh", HazardKind.RELATIVE_PROGRAM, 1, True, "whole path"),
        (f"PATH=/opt/bin:/usr/bin:/bin\n{T}ocarina oauth refresh", HazardKind.RELATIVE_PROGRAM, 2, False, "path"),
        (f"{T}PATH=/opt/bin:$PATH ocarina oauth refresh", HazardKind.RELATIVE_PROGRAM, 1, False, "path"),
        (f"{T}bin/ocarina oauth refresh", HazardKind.RELATIVE_PROGRAM, 1, True, "home folder"),
        (f"{T}cd /opt && bin/ocarina oauth refresh", HazardKind.RELATIVE_PROGRAM, 1, False, "bin/ocarina"),
        (f"{T}bash -lc 'ocarina oauth refresh'", HazardKind.RELATIVE_PROGRAM, 1, False, "shell"),
        (f"{T}conda run -n x ocarina oauth refresh", HazardKind.RELATIVE_PROGRAM, 1, False, "conda"),
        (f"{T}$CONDA_PREFIX/bin/ocarina oauth refresh", HazardKind.UNSET_VARIABLE, 1, True, "CONDA_PREFIX"),
        (f"#\nSHELL=/bin/tcsh\n{T}{OCARINA} oauth refresh", HazardKind.SHELL_LINE, 2, True, "/bin/tcsh"),
        (f"SHELL=bash\n{T}{OCARINA} oauth refresh", HazardKind.SHELL_LINE, 1, True, "bash"),
        (f"SHELL=/sbin/nologin\n{T}{OCARINA} oauth refresh", HazardKind.SHELL_LINE, 1, True, "nologin"),
        (f"HOME=/data\n{T}{OCARINA} oauth refresh", HazardKind.HOME_LINE, 1, True, "/data"),
        (f"HOME=~\n{T}{OCARINA} oauth refresh", HazardKind.HOME_LINE, 1, True, "~"),
        (f"PATH=/opt\n{T}{OCARINA} oauth refresh", HazardKind.PATH_LINE, 1, False, "/usr/bin"),
        (f"{T}{OCARINA} oauth refresh 'open", HazardKind.NOT_WHOLE, 1, True, "never closed"),
        (f"{T}{OCARINA} oauth refresh # {'x' * 1000}", HazardKind.TOO_LONG, 1, True, "998"),
        (f"{T}source /x/activate; {OCARINA} oauth refresh", HazardKind.SOURCE, 1, False, "source"),
    ],
)  # fmt: skip
def test_lines_that_cron_breaks(text: str, kind: HazardKind, line: int, sure: bool, words: str) -> None:
    (hazard,) = hazards(text + "\n")
    assert (hazard.kind, hazard.line, hazard.sure) == (kind, line, sure)
    assert words in hazard.what


def test_a_path_line_that_is_not_expanded_hides_a_relative_program() -> None:
    found = {
        (hazard.kind, hazard.sure)
        for hazard in hazards(f"PATH=$PATH:/usr/bin:/bin\n{T}ocarina oauth refresh\n")
    }
    assert found == {(HazardKind.PATH_LINE, True), (HazardKind.RELATIVE_PROGRAM, False)}


def test_a_last_line_without_its_line_break() -> None:
    (hazard,) = hazards(f"# x\n{T}{OCARINA} oauth refresh")
    assert (hazard.kind, hazard.line) == (HazardKind.NO_NEWLINE, 2)


@pytest.mark.parametrize("runner", Runner)
@pytest.mark.parametrize(
    "above", ["", "HOME=/data\n", "PATH=/x\n", "OCARINA_CONF_FILE=/y\n", "XDG_STATE_HOME=/z\n"]
)
def test_a_built_line_has_none_whatever_stands_above_it(runner: Runner, above: str) -> None:
    spec = LineSpec(
        T.strip(), runner, "/o/100% 'é'/ocarina", "/home/u/.ocarina", HOME, ("/k/ocarina-kit",), profile="a%b"
    )
    crontab = Crontab.parse(above.encode())
    line = build_line(
        spec, {name: each.value for name, each in crontab.variables_at(len(crontab.lines)).items()}
    )
    assert hazards(above + line + "\n") == []
