"""A series is worked through in its order, whatever becomes of each micrograph."""

from napari_deepem.batch.series_run import SeriesRun


def test_micrographs_come_in_their_order_and_stay_until_they_are_over() -> None:
    series = SeriesRun("abc")
    assert [series.next(), series.next()] == ["a", "a"]
    series.done()
    assert series.next() == "b"
    series.failed("b is cut short")
    series.pass_over()
    assert series.next() is None
    assert (series.over, series.problems) == (3, {"b": "b is cut short"})
    assert SeriesRun([]).next() is None


def test_what_nobody_wants_any_more_is_passed_over() -> None:
    series, closed = SeriesRun("abcd"), {"b", "c"}
    series.done()
    assert series.next(lambda name: name not in closed) == "d"
    assert series.next() == "d"  # for good
    series.done()
    assert series.next(lambda name: name not in closed) is None
    assert (series.over, series.problems, series.remarks) == (4, {}, [])


def test_remarks_are_told_by_the_first_of_them() -> None:
    series = SeriesRun("abcd")
    series.done()
    assert series.summary == ""
    series.done("b has 4 A/px")
    assert series.summary == "b has 4 A/px"
    series.failed("c is cut short")
    assert series.summary == "b has 4 A/px (and 1 more)"
    assert series.remarks == ["b has 4 A/px", "c is cut short"]
