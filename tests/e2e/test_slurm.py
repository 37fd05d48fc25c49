"""What the code expects of Slurm's scrontab, asked of a real one (docs/cron.md)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.slurm import Slurm, missing_programs, start_slurm, unpack_packages

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian's packages of Slurm, unpacked once for all workers of a run."""
    if missing := missing_programs():
        pytest.skip(f"needs {', '.join(missing)}")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    return unpack_packages(shared / "slurm-packages")


@pytest.fixture
def slurm(tmp_path: Path, packages: Path) -> Iterator[Slurm]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    with start_slurm(tmp_path / "slurm", packages, home) as cluster:
        yield cluster


def test_a_scrontab_is_kept_to_the_byte(slurm: Slurm) -> None:
    none_yet = slurm.run("scrontab", "-l")
    assert none_yet.returncode == 1
    # Measured: on standard output, with exit code 1.
    assert none_yet.stdout.startswith(b"no crontab for ")
    content = b"# mine\r\n#SCRON --job-name=a\n0 1 * * * echo \xff\\% # no end"
    slurm.scrontab = content
    assert slurm.scrontab == content
    assert [job[1] for job in slurm.jobs()] == ["a"]


def test_a_site_can_switch_it_off(slurm: Slurm) -> None:
    slurm.stop("controller")
    slurm.configure(scron=False)
    slurm.start_controller()
    listed = slurm.run("scrontab", "-l")
    assert listed.returncode == 1
    assert b"scrontab is disabled on this cluster" in listed.stderr
