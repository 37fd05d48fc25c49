"""The pictures in the docs.

Made from real runs (docs/make_pictures.py), fit to be shown to anybody.
"""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = sorted((DOCS / "pictures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> str:
    """All that can be read in a picture, a line of the terminal on each line."""
    lines = []
    # Our own file
    for text in ElementTree.fromstring(svg).iter(f"{SVG}text"):  # noqa: S314
        indent = round((float(text.get("x", "16")) - 16) / 8.43)
        lines.append(" " * indent + "".join(text.itertext()))
    return "\n".join(lines).replace("\xa0", " ")


def test_the_docs_have_their_pictures() -> None:
    stems = ["init", "status", "schedule-show", "doctor", "doctor-fix", "refresh"]
    assert sorted(path.stem for path in PICTURES) == sorted(stems)
    page = (DOCS / "screens.md").read_text("utf-8")
    assert re.findall(r"^\$ ocarina-kit (\S+)", page, re.MULTILINE) == [
        stem.split("-")[0] for stem in stems
    ]


@pytest.mark.parametrize(
    "path", [*PICTURES, DOCS / "screens.md"], ids=lambda path: path.name
)
def test_it_can_be_shown_to_anybody(path: Path) -> None:
    text = path.read_text("utf-8")
    shown = words(text) if path.suffix == ".svg" else text
    paths = re.findall(r"(?<![\w:/.*%~-])/(?:[\w.-]+/)+[\w.-]+", shown)
    assert [path for path in paths if not path.startswith("/home/ali")] == []
    assert "Traceback" not in shown
    # Nothing is fetched where it is shown, and no secret is: a client secret is 128
    # characters long, a code 30.
    assert not re.search(r"url\(|<image|href", text)
    assert not re.search(
        r"\b[A-Za-z0-9]{128}\b|\bcode=[A-Za-z0-9]{30}\b", "".join(shown.split())
    )
    if path in PICTURES:
        assert len(text) < 64_000
        # A README's column
        assert int(ElementTree.fromstring(text).get("width", "0")) <= 800  # noqa: S314
        assert shown.startswith("$ ocarina-kit ")
        assert "prefers-color-scheme: dark" in text
        assert not re.search(r">[^<]* [^<]*</(?:text|tspan)>", text), (
            "blanks that a renderer may fold"
        )


def test_a_picture_is_what_the_terminal_showed() -> None:
    maker = runpy.run_path(str(DOCS / "make_pictures.py"))
    raw = (
        "\x1b[?2004h\x1b[1;38;5;160mfailed\x1b[0m  it\r\nPaste: 9\b12 characters\r\n"
        "Waiting\r\x1b[K  end\r\n"
    )
    lines = maker["lines_of"](raw + "x" * 100)
    expected = ["failed  it", "Paste: 12 characters", "  end", "x" * 80, "x" * 20]
    assert maker["text_of"](lines).splitlines() == expected
    svg = maker["svg"]("ocarina-kit doctor", lines)
    assert words(svg).splitlines() == ["$ ocarina-kit doctor", *expected]
    assert '<tspan class="r">failed</tspan>\xa0\xa0it' in svg
