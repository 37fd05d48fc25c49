"""The stage that all scenarios of one process share."""

import contextlib
from collections.abc import Iterator

import pytest
from tests.scenarios.world import Stage

from ocarina_kit.sandbox import Sandbox


@pytest.fixture(scope="session")
def stage(
    running: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        yield Stage(stack, {"http": running}, tmp_path_factory.mktemp("clients"))
