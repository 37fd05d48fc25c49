"""A Majora for one machine, and a stand-in for its client, for tests and the demo.

Use from a test::

    scope = "majora2.view_biosampleartifact"
    # a process of its own, up in under a second
    with Sandbox.start() as majora:
        # with all permissions and a second factor
        user = majora.add_user("alice")
        app = majora.add_application(user)
        # expired
        token = majora.grant(user, app, scope, age=30 * 3600)
        # a person in a browser: log in, code, Authorize
        callback = majora.authorize(user, link)
        # the next two answers of o/token/
        majora.fault("status", status=503, times=2)
        # what was asked of it; secrets only as hashes
        majora.requests
    # prefix/bin/ocarina, with its own interpreter
    script = install_standin(prefix, version="1.0.0")

Every effect on the server goes over a private pipe: its pages have no way to set users,
faults or time. `Sandbox` needs the extra `ocarina-kit[sandbox]`; the stand-in client
needs nothing.

This module imports nothing until a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocarina_kit.sandbox.handle import Sandbox
    from ocarina_kit.sandbox.records import Application, SandboxError, Seen, User
    from ocarina_kit.sandbox.standin import (
        break_interpreter,
        install_impostor,
        install_standin,
    )

__all__ = [
    "Application",
    "Sandbox",
    "SandboxError",
    "Seen",
    "User",
    "break_interpreter",
    "install_impostor",
    "install_standin",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = (
        "handle" if name == "Sandbox" else "records" if name[0].isupper() else "standin"
    )
    return getattr(import_module(f"{__name__}.{module}"), name)
