"""The pictures in the docs: made from real runs (docs/make_pictures.py), fit to be shown to anybody."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = sorted((DOCS / "pictures").glob("*.svg"))


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(svg: str) -> str:
    """All that can be read in a picture, a line of the terminal on each line."""
    lines: dict[str, str] = {}
    for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314  # our own file
        lines[text.get("y", "")] = lines.get(text.get("y", ""), "") + (text.text or "")
    return "\n".join(line.replace("\xa0", " ").rstrip() for line in lines.values())


def test_the_docs_have_their_pictures() -> None:
    assert {"init", "login", "doctor", "doctor-fix"} <= {path.stem for path in PICTURES}


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_shows_nothing_of_the_machine_it_was_made_on(path: Path) -> None:
    svg = path.read_text(encoding="utf-8")
    shown = words(svg)
    assert len(svg) < 64_000
    assert shown.splitlines()[1].startswith("$ ocarina-kit "), "the title comes first, then what was typed"
    paths = re.findall(r"(?<![\w:/.*%])/(?:[\w.-]+/)+[\w.-]+", shown)
    assert [path for path in paths if not path.startswith("/home/alice/")] == []
    assert "Traceback (most" not in shown
    # Nothing is fetched where it is shown, and no secret is: a client secret is 128 characters long, a code 30.
    assert not re.search(r"url\((?!#)|<image|href", svg)
    assert not re.search(r"\b[A-Za-z0-9]{128}\b|code=[A-Za-z0-9]{30}\b", "".join(shown.split()))


def test_what_was_typed_over_is_not_shown(maker: ModuleType) -> None:
    assert (
        maker.typed_over("Paste: 9 characters\b\b\b\b\b\b\b\b\b\b\b\b12 characters") == "Paste: 12 characters"
    )
    assert maker.typed_over("12\b\b9 \b") == "9"
    assert maker.typed_over("plain") == "plain"


def test_a_picture_is_what_the_terminal_showed(maker: ModuleType) -> None:
    raw = "\x1b[?2004h\x1b[1;31mfailed:\x1b[0m it\r\n" + "x" * 100 + "\r\n"
    shown = words(maker.picture("ocarina-kit doctor", raw)).splitlines()
    assert shown[:5] == ["ocarina-kit doctor", "$ ocarina-kit doctor", "failed: it", "x" * 88, "x" * 12]
