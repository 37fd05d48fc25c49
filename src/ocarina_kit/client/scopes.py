"""What a person does with ocarina, and the scope strings that it takes. Pure, and light: `status` imports it.

The client looks a token up by exactly the scope string of the endpoint that it calls, order included (FACTS.md,
The client). So a purpose is a name for one or more endpoints, and their strings are the client's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ocarina_kit.config.location import SetupLocation
from ocarina_kit.system.problem import Remedy, usage_error
from ocarina_kit.system.words import one_line

Table = Mapping[str, "str | None"]
"""A client's endpoints: name to scope string, None for an endpoint that has no scope of its own."""

FALLBACK_SCOPE = "majora2.temp_can_read_pags_via_api"
"""What 0.36.1 asks for at an endpoint without a scope of its own: there, ``get biosample`` too (FACTS.md)."""


class Purpose(NamedTuple):
    """One thing that a person does with ocarina.

    ``name`` is what ``--for`` takes; it never changes. ``words`` follow "to". ``scope`` is ocarina 1.0.0's string, used
    if the installed client's table is unknown.
    """

    name: str
    words: str
    scope: str
    endpoints: tuple[str, ...]


def _add_and_change(*models: str) -> str:
    return " ".join(f"majora2.add_{model} majora2.change_{model}" for model in models)


_SAMPLE, _SAMPLING = "biosampleartifact", "biosourcesamplingprocess"
_SAMPLES = "api.artifact.biosample"
_LOOKUPS = (
    f"{_SAMPLES}.get",
    f"{_SAMPLES}.query.validity",
    "api.process.sequencing.get",
)
_SOURCE = "biosamplesource"
_ADD = _add_and_change(_SAMPLE, _SOURCE, _SAMPLING)
_UPDATE = (
    f"majora2.change_{_SAMPLE} {_add_and_change(_SOURCE)} majora2.change_{_SAMPLING}"
)
_LIBRARY = _add_and_change(_SAMPLE, "libraryartifact", "librarypoolingprocess")
_EMPTY = f"majora2.force_add_{_SAMPLE} {_add_and_change(_SAMPLE, _SAMPLING)}"
_METRIC = _add_and_change("temporarymajoraartifactmetric")
_ACCESSION = _add_and_change("temporaryaccessionrecord")
_RUN = f"majora2.change_libraryartifact {_add_and_change('dnasequencingprocess')}"

# The order of the words in a scope string matters: it is the key of the token.
PURPOSES: tuple[Purpose, ...] = (
    Purpose(
        "lookup", "look up samples and runs", "majora2.view_biosampleartifact", _LOOKUPS
    ),
    Purpose("published", "read published groups", FALLBACK_SCOPE, ("api.pag.qc.get",)),
    Purpose(
        "dataviews",
        "read data views",
        "majora2.can_read_dataview_via_api",
        ("api.v3.majora.mdv.get",),
    ),
    Purpose(
        "info",
        "see what an artifact is",
        "majora2.view_majoraartifact_info",
        ("api.v0.artifact.info",),
    ),
    Purpose("add-samples", "add samples", _ADD, (f"{_SAMPLES}.add",)),
    Purpose("update-samples", "update samples", _UPDATE, (f"{_SAMPLES}.update",)),
    Purpose("empty-samples", "add empty samples", _EMPTY, (f"{_SAMPLES}.addempty",)),
    Purpose("libraries", "add libraries", _LIBRARY, ("api.artifact.library.add",)),
    Purpose("runs", "add sequencing runs", _RUN, ("api.process.sequencing.add",)),
    Purpose(
        "files",
        "add files",
        _add_and_change("digitalresourceartifact"),
        ("api.artifact.file.add",),
    ),
    Purpose(
        "tags", "add tags", _add_and_change("majorametarecord"), ("api.meta.tag.add",)
    ),
    Purpose("metrics", "add metrics", _METRIC, ("api.meta.metric.add",)),
    Purpose(
        "qc",
        "add QC reports",
        _add_and_change("pagqualityreport"),
        ("api.meta.qc.add",),
    ),
    Purpose("accessions", "add accessions", _ACCESSION, ("api.pag.accession.add",)),
    Purpose(
        "suppress",
        "suppress groups",
        "majora2.can_suppress_pags_via_api",
        ("api.group.pag.suppress",),
    ),
)

BY_NAME: Mapping[str, Purpose] = {purpose.name: purpose for purpose in PURPOSES}

UPLOAD = ("add-samples", "update-samples", "libraries", "runs")
UPLOAD_WORDS = "upload samples and runs"
"""``--for upload``: one name for four purposes (CONTRACT.md, login)."""

NAMES = (*BY_NAME, "upload")
"""All that ``--for`` takes."""

# A command of ocarina 1.0.0 for each purpose, to follow `ocarina --oauth`. The reader replaces what is in capitals.
_EXAMPLES = {
    "lookup": "get biosample --central-sample-id YOUR_SAMPLE",
    "published": "get pag --test-name TEST_NAME --pass --task-wait",
    "dataviews": "get dataview --mdv VIEW_NAME --output view.json --task-wait",
    "info": "info NAME_OR_ID",
    "add-samples": "put biosample --central-sample-id YOUR_SAMPLE --adm1 UK-ENG --received-date 2022-03-07 "
    "--is-surveillance N",
    "update-samples": "put biosample --partial --central-sample-id YOUR_SAMPLE --adm2 COUNTY",
    "empty-samples": "empty biosample --ids YOUR_SAMPLE",
    "libraries": "put library --library-name LIBRARY_NAME --library-seq-kit KIT --library-seq-protocol PROTOCOL "
    "--library-layout-config PAIRED --biosample YOUR_SAMPLE VIRAL_RNA PCR AMPLICON LIBRARY_PROTOCOL PRIMERS",
    "runs": "put sequencing --library-name LIBRARY_NAME --run-name RUN_NAME --instrument-make ILLUMINA "
    "--instrument-model MiSeq",
    "files": "put file --path PATH --type reads --biosample YOUR_SAMPLE --pipeline-hook HOOK",
    "tags": "put tag --artifact ARTIFACT_ID -m TAG KEY VALUE",
    "metrics": "put metric --artifact ARTIFACT_ID --metric sequence num_reads NUMBER",
    "qc": "put qc --publish-group GROUP --test-name TEST_NAME --test-version 1",
    "accessions": "put publish --publish-group GROUP --service ENA --accession ACCESSION",
    "suppress": "pag suppress --publish-group GROUP --reason REASON",
}
_SEE_LIST = Remedy("See what there is to log in for.", ("ocarina-kit login --list",))

# --- from purposes to scope strings, and back ------------------------------------------------------------


def scopes_for(names: Iterable[str], table: Table | None = None) -> list[str]:
    """The distinct scope strings for ``names``, in order of first use: one link for each.

    ``table`` is the installed client's, or None if it is unknown. What it does not name is taken from the strings
    that the kit carries. Raises KitError (usage) for an unknown name.
    """
    return list(
        dict.fromkeys(
            scope for each in purposes_named(names) for scope in _scopes(each, table)
        )
    )


def given_scope(scope: str) -> str:
    """A scope string given by hand (``--scope``): white space is folded to the single blanks that the client writes.

    Raises KitError (usage) for a string that RFC 6749, section 3.3, does not allow.
    """
    folded = " ".join(scope.split())
    if not is_scope(folded):
        why = "It is made of names such as majora2.view_biosampleartifact, with a blank between them."
        raise usage_error(
            f"{scope!r} is not a scope string.", why=why, remedy=_SEE_LIST
        )
    return folded


def is_scope(text: str) -> bool:
    """RFC 6749, section 3.3: printable ASCII but for the quote and the backslash, one blank between two names."""
    return re.fullmatch(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*", text) is not None


def purposes_of(scope: str, table: Table | None = None) -> tuple[Purpose, ...]:
    """The purposes that a token stored under ``scope`` serves, by the client's table if it has the string, else by the
    strings that the kit carries. Empty for a string that no purpose uses."""
    served = tuple(purpose for purpose in PURPOSES if scope in _scopes(purpose, table))
    return served or tuple(each for each in PURPOSES if scope == each.scope)


def supported(purpose: Purpose, table: Table | None) -> bool:
    """Whether the installed client can do it at all (0.36.1 has no ``info``). True if its table is unknown."""
    return table is None or any(endpoint in table for endpoint in purpose.endpoints)


def purposes_named(names: Iterable[str]) -> list[Purpose]:
    """What ``--for`` means by these names. Raises KitError (usage) for an unknown one."""
    found: list[Purpose] = []
    for name in names:
        key = name.strip().lower().replace("_", "-")
        if key not in NAMES:
            from difflib import get_close_matches

            near = "".join(
                f" Did you mean {near}?" for near in get_close_matches(key, NAMES, n=1)
            )
            why = f"The names are: {', '.join(NAMES)}."
            raise usage_error(
                f"There is no purpose named {name!r}.{near}", why=why, remedy=_SEE_LIST
            )
        found += [BY_NAME[each] for each in (UPLOAD if key == "upload" else (key,))]
    return found


def _scopes(purpose: Purpose, table: Table | None) -> tuple[str, ...]:
    """The scope strings that it takes, each once. A blank one in the table needs no scope at the server, but a grant
    needs at least one: the string that the kit carries serves."""
    known = [
        table[endpoint] for endpoint in purpose.endpoints if table and endpoint in table
    ]
    found = [
        FALLBACK_SCOPE if scope is None else scope or purpose.scope for scope in known
    ]
    return tuple(dict.fromkeys(found)) or (purpose.scope,)


# --- in words --------------------------------------------------------------------------------------------


def what_for(scope: str, table: Table | None = None) -> str:
    """What a token is for: ``look up samples and runs``; a scope that no purpose uses as it is, shortened."""
    served = ", ".join(purpose.words for purpose in purposes_of(scope, table))
    return served or one_line(scope, 60) or "(no scope)"


def names_of(scope: str, table: Table | None = None) -> tuple[str, ...]:
    """The names that ``--for`` takes for a scope string: ``("lookup",)``."""
    return tuple(purpose.name for purpose in purposes_of(scope, table))


def options_for(scopes: Iterable[str], table: Table | None = None) -> tuple[str, ...]:
    """The options of ``login`` that ask for these scope strings: a purpose if there is one, else the string."""
    found: list[tuple[str, str]] = []
    for scope in scopes:
        names = names_of(scope, table)
        found.append(("--for", names[0]) if names else ("--scope", scope))
    uploads = [("--for", name) for name in UPLOAD]
    if set(uploads) <= set(found):
        found = [
            ("--for", "upload"),
            *(option for option in found if option not in uploads),
        ]
    return tuple(word for option in dict.fromkeys(found) for word in option)


def example(
    program: str, location: SetupLocation, scope: str, table: Table | None = None
) -> list[str]:
    """A command for each purpose that the token for ``scope`` serves, quoted for a shell.

    ``--oauth`` is always in it: without it the client ignores tokens (FACTS.md). What the installed client (its
    ``table``) cannot do is left out.
    """
    import shlex

    profile = [] if location.profile is None else ["--profile", location.profile]
    start = shlex.join(
        [program, "--oauth", *(["--env"] if location.from_env else profile)]
    )
    if location.source == "option" and not location.from_env:
        start = f"OCARINA_CONF_FILE={shlex.quote(str(location.config))} {start}"
    return [
        f"{start} {_EXAMPLES[each.name]}"
        for each in purposes_of(scope, table)
        if supported(each, table)
    ]


def permissions(scope: str) -> str:
    """What to write to one's Majora administrator after ``invalid_scope``.

    In Majora a scope is the name of a Django permission, ``application.codename``, and the account must have every
    one that is asked for (FACTS.md, The server).
    """
    aim = f" to {what_for(scope)}" if purposes_of(scope) else ""
    text = f"I would like{aim} with ocarina. Please give my account all of these permissions:"
    return "\n  ".join([text, *scope.split()])
