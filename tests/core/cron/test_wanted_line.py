"""wanted_line.py and base_url.py: one line for schedule and doctor, one server that may be asked."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from ocarina_kit.core.config.base_url import base_url
from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.config.layers import effective
from ocarina_kit.core.cron.cronline import Runner, build_line
from ocarina_kit.core.cron.crontime import Schedule
from ocarina_kit.core.cron.wanted_line import EVERY, Ground, ground
from ocarina_kit.core.facts import ConfigFacts
from ocarina_kit.core.setup import Place

HOME = PurePosixPath("/home/lab")


def on(place: Place | None = None, **changes: Any) -> Ground:
    options: dict[str, Any] = {
        "user": "lab",
        "host": "node1",
        "home": HOME,
        "domain": "https://majora.lab.test/",
        "environ": {},
        "cwd": HOME,
        "kit": ("/opt/kit/bin/ocarina-kit",),
    }
    return ground(place or Place(HOME / ".ocarina"), **{**options, **changes})


def test_the_line_is_the_same_on_every_run_and_runs_every_three_hours() -> None:
    spec = on().line("/opt/bin/ocarina")
    assert spec == on().line("/opt/bin/ocarina")
    times = Schedule.parse(spec.schedule)
    assert len(times.hours) * EVERY.hours == 24
    assert times.minutes != (0,)
    assert build_line(spec).endswith("# ocarina-kit")


def test_its_times_do_not_hang_on_how_the_domain_is_written() -> None:
    assert on(domain=" https://MAJORA.lab.test ").line("/x").schedule == on().line("/x").schedule
    assert on(domain="no domain").domain == "no domain"


def test_the_client_runner_needs_no_kit() -> None:
    spec = on().line("/opt/bin/ocarina", runner=Runner.CLIENT, schedule="5 */2 * * *")
    assert build_line(spec) == "5 */2 * * * /opt/bin/ocarina oauth refresh # ocarina-kit"


def test_the_set_up_is_carried() -> None:
    place = Place(PurePosixPath("/data/lab.json"), "option", profile="test")
    made = on(place, environ={"REQUESTS_CA_BUNDLE": "ca.pem", "OCARINA_CONF_FILE": "/elsewhere"})
    assert made.owner.config == "/data/lab.json"
    assert made.owner.profile == "test"
    line = build_line(made.line("/opt/bin/ocarina"))
    assert "OCARINA_CONF_FILE=/data/lab.json" in line
    assert "REQUESTS_CA_BUNDLE=/home/lab/ca.pem" in line
    assert "--profile test" in line
    assert line.endswith("# ocarina-kit profile=test")


def config(**members: str) -> ConfigFacts:
    import json

    document = ConfigDocument.parse(json.dumps(members).encode())
    assert isinstance(document, ConfigDocument)
    return ConfigFacts(Place(HOME / ".ocarina"), document=document, settings=effective(document.value))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://majora.lab.test/", "https://majora.lab.test/"),
        (" https://majora.lab.test/o/applications ", "https://majora.lab.test/"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("http://majora.lab.test/", None),
        ("https://example.org/", None),
        ("https://<your-majora>/", None),
        ("", None),
    ],
)
def test_only_a_meant_address_is_asked(text: str, url: str | None) -> None:
    assert base_url(config(MAJORA_DOMAIN=text)) == url


def test_what_is_built_in_is_not_asked() -> None:
    assert base_url(config()) is None
