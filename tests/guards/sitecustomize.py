"""Ends a process that reaches for the developer's own home, or for another host.

It is on PYTHONPATH of every process that the tests start, and the tests' own process
imports it. An audit hook can't be taken off again, and sees what C code does, too.
"""

import ipaddress
import os
import sys

EXIT = 99
_HOME = os.environ.get("KIT_GUARD_HOME", "")
_PRECIOUS = (
    ".ocarina",
    ".ocarina-tokens",
    os.path.join(".local", "state", "ocarina-kit"),
)
# RFC 6761: names that never exist anywhere; tests of "no such host" ask for them.
_HARMLESS_SUFFIXES = (".invalid", ".test", "localhost")


def _is_here(host: object) -> bool:
    text = (
        (host.decode() if isinstance(host, bytes) else str(host or ""))
        .strip("[]")
        .rstrip(".")
        .lower()
    )
    if text in ("", "0.0.0.0", "::") or text.endswith(_HARMLESS_SUFFIXES):
        return True
    try:
        return ipaddress.ip_address(text.split("%")[0]).is_loopback
    except ValueError:
        return text == os.uname().nodename.lower()


def _is_precious(path: object) -> bool:
    if not _HOME or not isinstance(path, (str, bytes)):
        return False
    text = os.path.abspath(os.fsdecode(path))
    return any(text.startswith(os.path.join(_HOME, name)) for name in _PRECIOUS)


def _stop(why: str) -> None:
    os.write(2, f"\nGUARD: this test process {why}\n".encode())
    os._exit(EXIT)


def _watch(event: str, arguments: tuple) -> None:
    if event == "open" and _is_precious(arguments[0]):
        _stop(f"reached for the developer's own {arguments[0]!r}")
    elif event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not _is_here(address[0]):
            _stop(f"reached for the outside network: {address[0]}")
    elif event == "socket.getaddrinfo" and not _is_here(arguments[0]):
        _stop(f"asked for the address of {arguments[0]!r}")
    elif (
        event == "subprocess.Popen"
        and os.path.basename(os.fsdecode(arguments[0])) == "crontab"
    ):
        environment = os.environ if arguments[3] is None else arguments[3]
        reads_only = list(arguments[1])[1:] == ["-l"]
        if not reads_only and not environment.get("KIT_TEST_CRONTAB"):
            _stop("was about to write the real crontab")


if os.environ.get("KIT_GUARD_HOME"):
    sys.addaudithook(_watch)
