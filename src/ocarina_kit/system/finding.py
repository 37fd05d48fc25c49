"""What was found, in words: a sentence apart from the values in it, so that a report can leave values out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """A sentence as a template (`str.format`) and its values.

    ``doctor --report`` prints the template with ``…`` for each value that is not on a short list, so the template
    itself holds nothing that comes from outside.
    """

    template: str
    values: Mapping[str, object] = {}

    @property
    def text(self) -> str:
        """The complete sentence, for people and JSON."""
        return self.template.format_map(self.values)

    def __str__(self) -> str:
        return self.text


def words(template: str, **values: object) -> Words:
    """A sentence with its values: ``words("{setting} is blank", setting="CLIENT_ID")``."""
    return Words(template, values)
