"""The order of our layers, whatever order they come in (E.7)."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from napari.utils.events import EventedList

from napari_deepem.layers.layer_order import BOTTOM_UP, put_in_order
from napari_deepem.layers.tags import Role, role_of, tag


@dataclass(eq=False)
class Named:
    """What is asked of a layer."""

    name: str
    metadata: dict[str, Any] = field(default_factory=dict)


def add(layers: Any, role: Role | None, name: str = "mine") -> Any:
    """A layer that comes in on top, as in napari all do."""
    layer = Named(name, {} if role is None else tag(role, "m1"))
    layers.append(layer)
    put_in_order(layers, layer)
    return layer


def test_labels_lie_on_verdicts_these_on_picks_and_all_on_pictures() -> None:
    pictures, squares = ("micrograph", "display", "scores"), ("picks", "hand", "verdicts")
    assert (*pictures, *squares, "negative", "positive", "outline") == BOTTOM_UP


@given(st.permutations([*BOTTOM_UP, "micrograph", "positive"]))
def test_our_layers_lie_in_one_order_whatever_order_they_come_in(roles: list[Role]) -> None:
    layers = EventedList()
    for role in roles:
        add(layers, role)
    expected = [role for role in BOTTOM_UP for _ in range(roles.count(role))]
    assert [role_of(layer) for layer in layers] == expected


@given(st.permutations(["mine", "mine too", *BOTTOM_UP]))
def test_layers_of_the_user_keep_what_lies_below_and_above_them(names: list[str]) -> None:
    layers = EventedList()
    for name in names:
        before = [layer.name for layer in layers]
        add(layers, None if name.startswith("mine") else name, name)
        assert [layer.name for layer in layers if layer.name != name] == before


def test_what_the_user_has_moved_stays_where_it_is() -> None:
    layers = EventedList()
    add(layers, "micrograph", "m1")
    picks = add(layers, "picks", "Picks")
    add(layers, "scores", "Score map")
    layers.move(layers.index(picks), 0)
    add(layers, "verdicts", "Review")
    add(layers, "display", "Filtered")
    assert [layer.name for layer in layers] == ["Picks", "m1", "Filtered", "Score map", "Review"]


def test_layer_that_comes_with_another_has_its_place_before_that_one_has() -> None:
    layers = EventedList()
    for role in ("micrograph", "positive", "picks"):
        add(layers, role, role)
    new = Named("opened", tag("micrograph", "m2"))
    layers.append(new)
    add(layers, "positive", "labels on it")  # while napari still tells of the other
    put_in_order(layers, new)
    names = [layer.name for layer in layers]
    assert names == ["micrograph", "opened", "picks", "positive", "labels on it"]


def test_only_what_has_come_is_moved() -> None:
    layers = EventedList()
    stranger = add(layers, None)
    assert list(layers) == [stranger]
    other = Named("other", {"napari_deepem": {"role": "of a later version"}})
    layers.append(other)
    put_in_order(layers, other)
    assert list(layers) == [stranger, other]
