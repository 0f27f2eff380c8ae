from napari_deepem.core.wording import counted, listed


def test_one_is_singular_and_all_else_plural() -> None:
    assert counted(1, "particle") == "1 particle"
    assert counted(0, "particle") == "0 particles"
    assert counted(2, "rejected pick") == "2 rejected picks"


def test_three_names_are_listed_and_the_rest_counted() -> None:
    assert listed([]) == ""
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
