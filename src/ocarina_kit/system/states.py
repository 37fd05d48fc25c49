"""What Python 3.11 has for typed states, for Python 3.10 too."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    from enum import StrEnum
    from typing import assert_never
else:
    from enum import Enum
    from typing import NoReturn

    class StrEnum(str, Enum):
        """An enumeration whose members are their texts."""

        __str__ = str.__str__

    def assert_never(value: NoReturn) -> NoReturn:
        """Fail where the type checker says that nothing can come."""
        raise AssertionError(value)


__all__ = ["StrEnum", "assert_never"]
