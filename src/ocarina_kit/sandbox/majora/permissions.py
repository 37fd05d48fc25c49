"""The permissions that the sandbox knows: the scopes of FACTS.md's table, in Django's plain words."""

from __future__ import annotations

APP = "majora2"

_DJANGO_STYLE = (
    "view_biosampleartifact",
    "add_biosampleartifact",
    "change_biosampleartifact",
    "add_biosamplesource",
    "change_biosamplesource",
    "add_biosourcesamplingprocess",
    "change_biosourcesamplingprocess",
    "add_libraryartifact",
    "change_libraryartifact",
    "add_librarypoolingprocess",
    "change_librarypoolingprocess",
    "add_dnasequencingprocess",
    "change_dnasequencingprocess",
    "add_digitalresourceartifact",
    "change_digitalresourceartifact",
    "add_majorametarecord",
    "change_majorametarecord",
    "add_temporarymajoraartifactmetric",
    "change_temporarymajoraartifactmetric",
    "add_pagqualityreport",
    "change_pagqualityreport",
    "add_temporaryaccessionrecord",
    "change_temporaryaccessionrecord",
)

PERMISSIONS: dict[str, str] = {
    **{name: "Can {} {}".format(*name.split("_", 1)) for name in _DJANGO_STYLE},
    "force_add_biosampleartifact": "Can forcibly add an empty biosample",
    "temp_can_read_pags_via_api": "Can read published artifact groups via the API",
    "can_read_dataview_via_api": "Can read a data view via the API",
    "can_suppress_pags_via_api": "Can suppress a published artifact group via the API",
    "view_majoraartifact_info": "Can view information on an artifact",
}
"""Code name to description."""

SCOPES: dict[str, str] = {f"{APP}.{name}": text for name, text in PERMISSIONS.items()}
"""Scope to description."""
