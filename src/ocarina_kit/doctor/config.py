"""CFG: the configuration, from the file's bytes to what its settings mean. config/findings.py judges it."""

from __future__ import annotations

from collections.abc import Callable

from ocarina_kit.config.finding import IMPACTS
from ocarina_kit.config.findings import RESTS
from ocarina_kit.doctor.check import Outcome, check
from ocarina_kit.doctor.world import World

_INIT, _FIX = "ocarina-kit init", "ocarina-kit doctor --fix"

_ROWS: tuple[tuple[str, str, str, str], ...] = (
    (
        "CFG001",
        "The configuration can be read",
        _INIT,
        "ocarina reads one file: ~/.ocarina, or the one that OCARINA_CONF_FILE names. A folder, a link to nothing "
        "or a file that you may not read is as good as none.",
    ),
    (
        "CFG002",
        "The configuration is a JSON object",
        _FIX,
        "The file must hold one JSON object in UTF-8. Word processors put curly quotes in, Windows editors a "
        "byte-order mark, people an extra comma or a comment. If only one meaning is possible, --fix writes that; "
        "otherwise a person must decide, and doctor shows the place.",
    ),
    (
        "CFG003",
        "The configuration is private",
        _FIX,
        "The file holds the client secret, so only you should read and write it: mode 0600. A folder in which "
        "others may write lets them put another file in its place.",
    ),
    (
        "CFG004",
        "Every required setting has a value",
        _INIT,
        "MAJORA_DOMAIN, MAJORA_USER and MAJORA_TOKEN are always needed, CLIENT_ID and CLIENT_SECRET with OAUTH. "
        "ocarina ignores names that it does not know, such as majora_domain or CLIENTID. --fix corrects such a name "
        "if only one setting can be meant.",
    ),
    (
        "CFG005",
        "No placeholder is left",
        _INIT,
        "The guide's example has values that say what belongs there, such as your-username or your-client-id. "
        "https://example.org/ is what ocarina uses if it finds no domain.",
    ),
    (
        "CFG006",
        "MAJORA_DOMAIN is a base URL",
        _FIX,
        "MAJORA_DOMAIN is https://, a host and a last slash. Plain http is for this machine only, as it would send "
        "secrets unencrypted. --fix removes white space, quotes and the path of one of Majora's pages.",
    ),
    (
        "CFG007",
        "MAJORA_DOMAIN ends in one slash",
        _FIX,
        "Without the last slash ocarina asks a host such as example.uko; with two of them the server answers 404.",
    ),
    (
        "CFG008",
        "MAJORA_TOKEN says OAUTH",
        _FIX,
        "The word must be exactly OAUTH: ocarina takes oauth or a blank after it for a legacy API key. Legacy keys "
        "are valid for 3 days. Newer clients want some text in CLIENT_ID and CLIENT_SECRET beside a key; --fix "
        "writes it.",
    ),
    (
        "CFG009",
        "Client id and secret look right",
        _INIT,
        "Majora makes ids of 40 and secrets of 128 letters and digits. White space comes with copying, and the two "
        "are easily swapped: --fix corrects both. A value that starts with pbkdf2_ is a hash; the secret itself is "
        "only shown before the application is saved.",
    ),
    (
        "CFG010",
        "The optional settings can be used",
        _FIX,
        "OCARINA_QUIET and OCARINA_NO_BANNER must be integers: ocarina fails on other values. The folder of "
        "MAJORA_TOKENS_FILE must exist; ocarina does not make it.",
    ),
    (
        "CFG011",
        "The profile exists and is complete",
        "ocarina-kit init --profile NAME",
        'Profiles are under "profile" in the file. What a profile lacks is taken from "default", then from the top '
        "level.",
    ),
    (
        "CFG012",
        "No setting is given twice",
        "",
        "Of several settings with one name, JSON readers take the last one and say nothing.",
    ),
    (
        "CFG013",
        "Different set-ups have different tokens files",
        "",
        "Two instances or two clients cannot share a tokens file: tokens are kept by scope, and nothing in the file "
        "says whose they are. ocarina-kit init --profile NAME gives each profile its own.",
    ),
    (
        "CFG014",
        "User and instance agree",
        _INIT,
        "Production and the test instance are separate: accounts, applications and tokens. User names on the test "
        "instance start with test-.",
    ),
)
"""Id, title, the usual command, and what ``--explain`` says."""


def _as_found(id: str) -> Callable[[World], Outcome]:
    """What config/findings.py says of the check ``id``, as its outcome."""

    def judge(world: World) -> Outcome:
        found = world.config_findings[id]
        fix = () if found.change is None else (found.change,)
        return Outcome(found.status, found.words, "", found.remedy, found.cause, fix, found.excerpt)

    return judge


for _id, _title, _run, _explain in _ROWS:
    _rests = " ".join(RESTS.get(_id, ()))
    check(_id, _title, impact=IMPACTS[_id], explain=_explain, rests=_rests, run=_run)(_as_found(_id))
