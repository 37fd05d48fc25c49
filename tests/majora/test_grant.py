"""The link, and the pending logins on disk."""

from pathlib import Path

import pytest
from tests.majora.conftest import machine_with

from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.majora.grant import (
    Pending,
    last_logins,
    new_pending,
    save_pending,
    use_pending,
)
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.secret import Secret

SETUP = Setup(
    SetupLocation(Path("/h/.ocarina")),
    "https://majora.test/",
    "u",
    Path("/h/t"),
    "id",
    Secret("s3cret"),
)


def at(home: Path, now: float = 1000.0) -> Machine:
    return machine_with(home=home, now=now)


def files(home: Path) -> list[Path]:
    return sorted((at(home).state / "pending").glob("*"))


def begun(home: Path) -> Pending:
    pending, _ = new_pending(at(home), SETUP, "a b")
    save_pending(at(home), pending)
    return pending


@pytest.mark.parametrize(
    "domain", ["https://majora.test/", "http://127.0.0.1:8000/sub/"]
)
def test_the_link(domain: str, tmp_path: Path) -> None:
    pending, link = new_pending(
        at(tmp_path), SETUP._replace(domain=domain), "majora2.a majora2.b"
    )
    page, _, query = link.partition("?")
    assert page == f"{domain}o/authorize/"
    more = {
        "client_id=id",
        "scope=majora2.a+majora2.b",
        "code_challenge_method=S256",
        "approval_prompt=auto",
    }
    assert more < set(query.split("&"))
    assert not set(link) & set(" \"'<>\n")
    assert (len(pending.state), len(pending.verifier), pending.created) == (
        43,
        86,
        1000.0,
    )


def test_a_pending_login_is_private_and_read_again(tmp_path: Path) -> None:
    first = begun(tmp_path)
    second = first._replace(state="another", created=1001.0)
    save_pending(at(tmp_path), second)
    assert last_logins(at(tmp_path)) == [first, second]
    assert {path.stat().st_mode & 0o777 for path in files(tmp_path)} == {0o600}
    assert all(first.state not in path.name for path in files(tmp_path))
    assert b"s3cret" not in b"".join(path.read_bytes() for path in files(tmp_path))
    assert first.belongs_to(SETUP)
    assert not first.belongs_to(SETUP._replace(domain="https://elsewhere.test/"))
    places = (
        SetupLocation(Path("/x")),
        SETUP.location._replace(profile="p"),
        SETUP.location._replace(from_env=True),
    )
    assert not any(
        first.belongs_to(SETUP._replace(location=location)) for location in places
    )
    (tmp_path / "link").symlink_to("/h/.ocarina")
    assert first.belongs_to(SETUP._replace(location=SetupLocation(tmp_path / "link")))


def test_a_second_paste_of_the_same_callback_is_recognised(tmp_path: Path) -> None:
    pending = begun(tmp_path)
    use_pending(at(tmp_path, 1030), pending)
    assert last_logins(at(tmp_path, 1060)) == [
        pending._replace(verifier=Secret(""), sent=1030.0)
    ]
    assert last_logins(at(tmp_path, 5000)) == []


@pytest.mark.parametrize(
    ("now", "count"), [(1000, 1), (4599, 1), (4600, 0), (700, 1), (699, 0)]
)
def test_for_an_hour(tmp_path: Path, now: float, count: int) -> None:
    pending = begun(tmp_path)
    assert len(last_logins(at(tmp_path, now))) == count
    save_pending(at(tmp_path, now), pending._replace(state="another", created=now))
    assert len(files(tmp_path)) == count + 1


def test_what_the_kit_did_not_write_is_skipped(tmp_path: Path) -> None:
    begun(tmp_path)
    for junk in (b"", b"\xff", b"[1]", b"{}", b'{"verifier": 5}', b"[" * 60_000):
        files(tmp_path)[0].write_bytes(junk)
        assert last_logins(at(tmp_path)) == []


def test_no_place_for_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file where a folder belongs")
    with pytest.raises(KitError):
        begun(tmp_path)
    use_pending(at(tmp_path), new_pending(at(tmp_path), SETUP, "a")[0])
    assert last_logins(at(tmp_path)) == []
