"""What a person wants to do, and the scope strings that it takes.

The client looks a token up by **exactly** the scope string of the endpoint that it calls, order and all
(FACTS.md, The client), so a purpose is a name for one or more endpoints, and the string is the client's to say.
The strings carried here are those of ocarina 1.0.0, for where the installed client's own table cannot be read.
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ocarina_kit.core.errors import Remedy, UsageError

ClientTable = Mapping[str, str | None]
"""A client's endpoints: name to scope string, None for an endpoint that has no scope of its own."""

FALLBACK_SCOPE = "majora2.temp_can_read_pags_via_api"
"""What 0.36.1 asks for at an endpoint without a scope of its own: there, ``get biosample`` too (FACTS.md)."""

_BIOSAMPLE = "majora2.add_biosampleartifact majora2.change_biosampleartifact"
_SAMPLING = "majora2.add_biosourcesamplingprocess majora2.change_biosourcesamplingprocess"


@dataclass(frozen=True)
class Purpose:
    """One thing that a person does with ocarina.

    ``name`` is what ``login --for`` takes; it never changes. ``scope`` is ocarina 1.0.0's string. ``arguments`` are
    those of a command of ocarina 1.0.0 that uses the token, with what the reader must fill in in capitals.
    ``older`` are scope strings that earlier clients used for it.
    """

    name: str
    title: str
    description: str
    endpoints: tuple[str, ...]
    scope: str
    arguments: tuple[str, ...]
    older: tuple[str, ...] = ()


PURPOSES: tuple[Purpose, ...] = (
    Purpose(
        "lookup",
        "look up samples",
        "Read samples and sequencing runs that are in Majora. Changes nothing.",
        (
            "api.artifact.biosample.get",
            "api.artifact.biosample.query.validity",
            "api.process.sequencing.get",
        ),
        "majora2.view_biosampleartifact",
        ("get", "biosample", "--central-sample-id", "SAMPLE_ID"),
    ),
    Purpose(
        "published",
        "read published groups",
        "List the published artifact groups that passed, or failed, a quality test.",
        ("api.pag.qc.get",),
        FALLBACK_SCOPE,
        ("get", "pag", "--test-name", "TEST_NAME", "--pass", "--task-wait"),
    ),
    Purpose(
        "dataviews",
        "read a data view",
        "Download the data views that your account may read.",
        ("api.v3.majora.mdv.get",),
        "majora2.can_read_dataview_via_api",
        ("get", "dataview", "--mdv", "VIEW_NAME", "--output", "view.json", "--task-wait"),
    ),
    Purpose(
        "info",
        "see what an artifact is",
        "Show basic information on any artifact, by its name, path or id.",
        ("api.v0.artifact.info",),
        "majora2.view_majoraartifact_info",
        ("info", "NAME_OR_ID"),
    ),
    Purpose(
        "add-samples",
        "add samples",
        "Enter new samples, with their metadata.",
        ("api.artifact.biosample.add",),
        f"{_BIOSAMPLE} majora2.add_biosamplesource majora2.change_biosamplesource {_SAMPLING}",
        (
            *("put", "biosample", "--central-sample-id", "SAMPLE_ID", "--adm1", "UK-ENG"),
            *("--received-date", "2022-03-07", "--is-surveillance", "N"),
        ),
    ),
    Purpose(
        "update-samples",
        "update samples",
        "Correct or complete samples that are in Majora already.",
        ("api.artifact.biosample.update",),
        "majora2.change_biosampleartifact majora2.add_biosamplesource majora2.change_biosamplesource "
        "majora2.change_biosourcesamplingprocess",
        ("put", "biosample", "--partial", "--central-sample-id", "SAMPLE_ID", "--adm2", "COUNTY"),
        older=(
            "majora2.change_biosampleartifact majora2.change_biosamplesource "
            "majora2.change_biosourcesamplingprocess",
        ),
    ),
    Purpose(
        "empty-samples",
        "add empty samples",
        "Reserve sample names whose metadata will follow.",
        ("api.artifact.biosample.addempty",),
        f"majora2.force_add_biosampleartifact {_BIOSAMPLE} {_SAMPLING}",
        ("empty", "biosample", "--ids", "SAMPLE_ID"),
    ),
    Purpose(
        "libraries",
        "add sequencing libraries",
        "Enter the libraries that samples were pooled into.",
        ("api.artifact.library.add",),
        f"{_BIOSAMPLE} majora2.add_libraryartifact majora2.change_libraryartifact "
        "majora2.add_librarypoolingprocess majora2.change_librarypoolingprocess",
        (
            *("put", "library", "--library-name", "LIBRARY_NAME", "--library-seq-kit", "KIT"),
            *("--library-seq-protocol", "PROTOCOL", "--library-layout-config", "PAIRED"),
            *("--biosample", "SAMPLE_ID", "VIRAL_RNA", "PCR", "AMPLICON", "LIBRARY_PROTOCOL", "PRIMERS"),
        ),
    ),
    Purpose(
        "runs",
        "add sequencing runs",
        "Enter the runs that libraries were sequenced in.",
        ("api.process.sequencing.add",),
        "majora2.change_libraryartifact majora2.add_dnasequencingprocess majora2.change_dnasequencingprocess",
        (
            *("put", "sequencing", "--library-name", "LIBRARY_NAME", "--run-name", "RUN_NAME"),
            *("--instrument-make", "ILLUMINA", "--instrument-model", "MiSeq"),
        ),
    ),
    Purpose(
        "files",
        "add files",
        "Register files, such as reads and consensus sequences.",
        ("api.artifact.file.add",),
        "majora2.add_digitalresourceartifact majora2.change_digitalresourceartifact",
        (
            "put",
            "file",
            "--path",
            "PATH",
            "--type",
            "reads",
            "--biosample",
            "SAMPLE_ID",
            "--pipeline-hook",
            "HOOK",
        ),
    ),
    Purpose(
        "tags",
        "add tags",
        "Tag an artifact, group or process with metadata.",
        ("api.meta.tag.add",),
        "majora2.add_majorametarecord majora2.change_majorametarecord",
        ("put", "tag", "--artifact", "ARTIFACT_ID", "-m", "TAG", "KEY", "VALUE"),
    ),
    Purpose(
        "metrics",
        "add metrics",
        "Add measurements, such as numbers of reads, to an artifact.",
        ("api.meta.metric.add",),
        "majora2.add_temporarymajoraartifactmetric majora2.change_temporarymajoraartifactmetric",
        ("put", "metric", "--artifact", "ARTIFACT_ID", "--metric", "sequence", "num_reads", "NUMBER"),
    ),
    Purpose(
        "qc",
        "add quality reports",
        "Record that a published artifact group was put to a quality test.",
        ("api.meta.qc.add",),
        "majora2.add_pagqualityreport majora2.change_pagqualityreport",
        ("put", "qc", "--publish-group", "GROUP", "--test-name", "TEST_NAME", "--test-version", "1"),
    ),
    Purpose(
        "accessions",
        "add accessions",
        "Record the accessions that a public archive gave to a group.",
        ("api.pag.accession.add",),
        "majora2.add_temporaryaccessionrecord majora2.change_temporaryaccessionrecord",
        ("put", "publish", "--publish-group", "GROUP", "--service", "ENA", "--accession", "ACCESSION"),
    ),
    Purpose(
        "suppress",
        "suppress groups",
        "Take your own published artifact groups out of circulation.",
        ("api.group.pag.suppress",),
        "majora2.can_suppress_pags_via_api",
        ("pag", "suppress", "--publish-group", "GROUP", "--reason", "REASON"),
    ),
)

BY_NAME: Mapping[str, Purpose] = {purpose.name: purpose for purpose in PURPOSES}

BUNDLES: Mapping[str, tuple[str, ...]] = {"upload": ("add-samples", "update-samples", "libraries", "runs")}
"""One name for several purposes (CONTRACT.md, login)."""

NAMES: tuple[str, ...] = (*BY_NAME, *BUNDLES)
"""All that ``login --for`` takes."""

DEFAULT_NAMES = ("lookup",)
"""What ``login`` asks for where nothing was said and nobody can be asked."""


# --- from purposes to scope strings ----------------------------------------------------------------------


@dataclass(frozen=True)
class ScopeRequest:
    """One grant, and so one link: a scope string, and the purposes that it serves."""

    scope: str
    purposes: tuple[Purpose, ...] = ()
    from_client: bool = False
    """Whether the installed client's own table says so; else it is the carried string."""


def resolve(names: Iterable[str], table: ClientTable | None = None) -> tuple[ScopeRequest, ...]:
    """The distinct scope strings for ``names``, in order of first use: as many grants, and as many links.

    ``table`` is the installed client's, or None where it could not be read. An endpoint without a scope there is
    asked for with :data:`FALLBACK_SCOPE`, as the client itself does. What the table does not know is taken from
    the carried strings.

    Raises :class:`UsageError` for an unknown name.
    """
    requests: dict[str, ScopeRequest] = {}
    for purpose in expand(names):
        for scope, from_client in _scopes(purpose, table):
            known = requests.get(scope, ScopeRequest(scope, (), from_client))
            if purpose not in known.purposes:
                known = ScopeRequest(scope, (*known.purposes, purpose), known.from_client or from_client)
            requests[scope] = known
    return tuple(requests.values())


def request_for(scope: str, table: ClientTable | None = None) -> ScopeRequest:
    """The grant for a scope string given by hand (``--scope``), with the purposes that it happens to serve.

    White space around and between is folded to the single blanks that the client writes. Raises
    :class:`UsageError` for a string that RFC 6749, section 3.3, does not allow.
    """
    folded = " ".join(scope.split())
    if not _SCOPE.fullmatch(folded):
        raise UsageError(
            f"This is no scope string: {scope!r}.",
            why="It is made of names such as majora2.view_biosampleartifact, with a blank between them.",
            remedy=Remedy("The list shows what there is.", ("ocarina-kit login --list",)),
        )
    return ScopeRequest(folded, purposes_for(folded, table), table is not None)


def expand(names: Iterable[str]) -> tuple[Purpose, ...]:
    """The purposes that ``names`` (bundles included) stand for, each once, in order. Raises :class:`UsageError`."""
    found: dict[str, Purpose] = {}
    for name in names:
        key = name.strip().lower().replace("_", "-")
        members = BUNDLES.get(key, (key,))
        for member in members:
            if member not in BY_NAME:
                raise _unknown_name(name)
            found[member] = BY_NAME[member]
    return tuple(found.values())


def purposes_for(scope: str, table: ClientTable | None = None) -> tuple[Purpose, ...]:
    """The purposes that a token stored under ``scope`` serves: by the client's table where there is one, else by the
    carried strings, those of older clients last. Empty for a scope that no purpose uses.
    """
    served = tuple(p for p in PURPOSES if scope in {found for found, _ in _scopes(p, table)})
    if served:
        return served
    return tuple(p for p in PURPOSES if scope == p.scope or scope in p.older)


def has_endpoint(purpose: Purpose, table: ClientTable | None) -> bool:
    """Whether the installed client can do it at all (0.36.1 has no ``info``). True where its table is not known."""
    return table is None or any(endpoint in table for endpoint in purpose.endpoints)


def _scopes(purpose: Purpose, table: ClientTable | None) -> tuple[tuple[str, bool], ...]:
    if table is None:
        return ((purpose.scope, False),)
    found: dict[str, bool] = {}
    for endpoint in purpose.endpoints:
        if endpoint in table:
            scope = table[endpoint]
            # A blank one is scopeless at the server; a grant needs at least one scope, so the carried one serves.
            found[FALLBACK_SCOPE if scope is None else scope or purpose.scope] = bool(scope) or scope is None
    return tuple(found.items()) or ((purpose.scope, False),)


def _unknown_name(name: str) -> UsageError:
    near = difflib.get_close_matches(name.strip().lower(), NAMES, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return UsageError(
        f"There is no purpose named {name!r}.{hint}",
        why=f"The names are: {', '.join(NAMES)}.",
        remedy=Remedy("Each is described in the list.", ("ocarina-kit login --list",)),
    )


# --- the installed client's own table --------------------------------------------------------------------

# RFC 6749, section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), one blank between two.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
_TABLE_MARK = "ocarina-kit-table:"

TABLE_PROGRAM = (
    "import json, ocarina.client as c\n"
    "t = {str(k): v.get('scope') if isinstance(v, dict) else None for k, v in c.ENDPOINTS.items()}\n"
    f"print('\\n{_TABLE_MARK}' + json.dumps(t))\n"
)
"""What the client's own interpreter is given to run: prints ``ENDPOINTS`` for :func:`parse_table`. Python 3.6 on."""


def parse_table(output: str) -> dict[str, str | None] | None:
    """The table in what :data:`TABLE_PROGRAM` printed; None where there is none, or it is of another shape.

    Whatever else the interpreter printed is passed over. A scope that is no scope string is left out, so that the
    carried one is used in its place.
    """
    lines = [line for line in output.splitlines() if line.startswith(_TABLE_MARK)]
    if not lines:
        return None
    try:
        raw = json.loads(lines[-1][len(_TABLE_MARK) :])
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    table: dict[str, str | None] = {}
    for endpoint, scope in raw.items():
        if scope is None or (isinstance(scope, str) and (scope == "" or _SCOPE.fullmatch(scope))):
            table[endpoint] = scope
    # A table that knows none of our endpoints is another program's.
    return table if any(e in table for p in PURPOSES for e in p.endpoints) else None


# --- what to do with a token, and whom to ask for one ----------------------------------------------------


def example(
    purpose: Purpose,
    *,
    program: str = "ocarina",
    profile: str | None = None,
    env: bool = False,
    table: ClientTable | None = None,
) -> str | None:
    """A command that uses the token: ``ocarina --oauth …``, quoted for a shell; capitals are the reader's to fill in.

    ``--oauth`` is always in it: without it the client ignores tokens (FACTS.md). None where the installed client
    (its ``table``) cannot do it.
    """
    if not has_endpoint(purpose, table):
        return None
    words = [program, "--oauth"]
    if env:
        words.append("--env")
    if profile is not None:
        words += ["--profile", profile]
    arguments = purpose.arguments
    if purpose.name == "update-samples" and table is not None and "api.v0.artifact.info" not in table:
        # 0.36.1 has `patch`, and its `put` knows no --partial.
        arguments = (
            *("patch", "biosample", "--central-sample-id", "SAMPLE_ID"),
            "--root-biosample-source-id",
            "ID",
        )
    return shlex.join([*words, *arguments])


_MODELS = {
    "biosampleartifact": "biosample artifact",
    "biosamplesource": "biosample source",
    "biosourcesamplingprocess": "biosource sampling process",
    "libraryartifact": "library artifact",
    "librarypoolingprocess": "library pooling process",
    "dnasequencingprocess": "DNA sequencing process",
    "digitalresourceartifact": "digital resource artifact",
    "majorametarecord": "Majora meta record",
    "temporarymajoraartifactmetric": "temporary Majora artifact metric",
    "pagqualityreport": "PAG quality report",
    "temporaryaccessionrecord": "temporary accession record",
}
_OF_ITS_OWN = {
    "view_majoraartifact_info": "see basic information on any artifact",
    "force_add_biosampleartifact": "add an empty biosample artifact",
    "temp_can_read_pags_via_api": "read published artifact groups through the API",
    "can_suppress_pags_via_api": "suppress their own published artifact groups through the API",
    "can_read_dataview_via_api": "read data views through the API",
}


def permissions(scope: str) -> tuple[tuple[str, str], ...]:
    """The permissions that an account must have for ``scope``, all of them: (name, what it lets one do, in words).

    In Majora a scope is the name of a Django permission, ``application.codename`` (FACTS.md, The server).
    """
    return tuple((name, _in_words(name)) for name in scope.split())


def permission_request(scope: str) -> str:
    """What to ask one's Majora administrator for, as a text to send, where the server answered ``invalid_scope``."""
    purposes = purposes_for(scope)
    aim = f" to {' and '.join(purpose.title for purpose in purposes)}" if purposes else ""
    lines = "\n".join(f"  {name}" + (f" ({words})" if words else "") for name, words in permissions(scope))
    return f"I would like{aim} with ocarina. Please give my account all of these permissions:\n{lines}"


def _in_words(permission: str) -> str:
    codename = permission.rpartition(".")[2]
    if codename in _OF_ITS_OWN:
        return _OF_ITS_OWN[codename]
    action, _, model = codename.partition("_")
    return f"{action} {_MODELS[model]}" if model in _MODELS else ""
