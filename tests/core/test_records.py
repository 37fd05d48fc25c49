"""The fast ``dataclass`` against the standard one: the same class made by each behaves alike."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from ocarina_kit.core import records


def _make(dataclass: Any) -> tuple[type, type]:
    @dataclass(frozen=True)
    class Base:
        name: str
        hidden: str = field(default="h", repr=False)
        tags: tuple[str, ...] = ()
        loose: list[int] = field(default_factory=list, compare=False)
        size: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "size", len(self.name))

    @dataclass(frozen=True)
    class Derived(Base):  # noqa: PLW1641  # that it gets a hash all the same is what is tested
        more: int = 3

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Derived) and self.more == other.more

    return Base, Derived


FAST = _make(records.dataclass)
STANDARD = _make(dataclasses.dataclass)


@pytest.fixture(params=[0, 1], ids=["base", "derived"])
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    return FAST[request.param], STANDARD[request.param]


def test_repr_fields_and_dict_are_the_same(pair: tuple[Any, Any]) -> None:
    fast, standard = (made("n", tags=("t",)) for made in pair)
    assert repr(fast) == repr(standard)
    assert "hidden" not in repr(fast)
    assert asdict(fast) == asdict(standard)
    assert [each.name for each in fields(fast)] == [each.name for each in fields(standard)]
    assert pair[0].__match_args__ == pair[1].__match_args__


@pytest.mark.parametrize("index", [0, 1])
def test_equality_and_hash_are_the_same(index: int) -> None:
    for made in (FAST[index], STANDARD[index]):
        one, same, other = made("n", loose=[1]), made("n", loose=[2]), made("o", "x")
        assert one == same
        assert (one == other) is (index == 1)  # Derived has an __eq__ of its own
        assert one != "n"
        assert hash(one) == hash(same)
        assert len({one, same}) == 1
    assert FAST[0]("n") != FAST[1]("n")
    assert FAST[0]("n") != STANDARD[0]("n")


def test_nothing_can_be_set_or_deleted(pair: tuple[Any, Any]) -> None:
    for made in pair:
        it = made("n")
        for name in ("name", "size", "unheard_of"):
            with pytest.raises(FrozenInstanceError):
                setattr(it, name, 1)
        with pytest.raises(FrozenInstanceError):
            del it.name
        assert it.name == "n"


def test_replace_and_copy_work(pair: tuple[Any, Any]) -> None:
    for made in pair:
        it = made("n", tags=("t",))
        assert replace(it, name="long").size == 4
        assert copy.copy(it) == it
        assert copy.deepcopy(it) == it


@records.dataclass(frozen=True)
class Kept:
    value: int


def test_it_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)  # noqa: S301  # our own bytes


def test_wrong_arguments_are_told_alike(pair: tuple[Any, Any]) -> None:
    said = []
    for made in pair:
        with pytest.raises(TypeError) as caught:
            made(unknown=1)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_other_kinds_are_the_standard_ones() -> None:
    @records.dataclass
    class Loose:
        value: int

    @records.dataclass(frozen=True, order=True)
    class Ordered:
        value: int

    it = Loose(1)
    it.value = 2
    assert it == Loose(2)
    assert Ordered(1) < Ordered(2)
