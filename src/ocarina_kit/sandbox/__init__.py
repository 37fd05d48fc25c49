"""A Majora for one machine, and a stand-in for its client: what tests and the demo run against (CONTRACT.md).

Use from a test::

    from ocarina_kit.sandbox import Sandbox, install_standin

    with Sandbox.start() as majora:                       # a process of its own, up in about a second
        user = majora.add_user("alice", permissions="all")  # or a list of scope names
        app = majora.add_application(user)                # .client_id (40), .client_secret (128)
        majora.url                                        # "http://127.0.0.1:PORT/": MAJORA_DOMAIN
        token = majora.grant(user, app, "majora2.view_biosampleartifact", age=30 * 3600)
        # ^ as the client stores it, ``expires_at`` included; issued 30 h ago, so long expired
        callback = majora.authorize(user, app, link)      # a person in a browser: log in, code, Authorize
        majora.fault("status", status=503, times=2)       # the next two answers of o/token/
        majora.requests                                   # what was asked of it; secrets only as hashes

    script = install_standin(prefix, version="1.0.0")     # prefix/bin/ocarina, with its own interpreter

Every effect on the server goes over a private pipe: its pages hold no way to set users, faults or time.
``Sandbox`` needs the extra ``ocarina-kit[sandbox]``; the stand-in client needs nothing.

This module imports nothing until a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocarina_kit.sandbox.handle import Sandbox
    from ocarina_kit.sandbox.records import Application, SandboxError, Seen, User
    from ocarina_kit.sandbox.standin import break_interpreter, install_impostor, install_standin

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

_ROOMS = {
    "Application": "records",
    "Sandbox": "handle",
    "SandboxError": "records",
    "Seen": "records",
    "User": "records",
    "break_interpreter": "standin",
    "install_impostor": "standin",
    "install_standin": "standin",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
