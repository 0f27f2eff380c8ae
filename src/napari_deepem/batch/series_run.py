"""The course of a series: what comes next, and what there is to tell of what is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class SeriesRun:
    """A run over a series: which micrograph is next, and what there is to tell of those over.

    It works on none itself and keeps nothing of any but words: whoever does may do so at once or in
    another thread, and may stop after each.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.over = 0  # micrographs that are done, failed or passed over
        self.problems: dict[str, str] = {}  # why a micrograph can't be used, by name
        self.remarks: list[str] = []  # on those that are over, problems among them

    def next(self, is_wanted: Callable[[str], bool] = lambda _: True) -> str | None:
        """The micrograph to work on, the same one until it is over; None at the end.

        Those that are not wanted any more are passed over.
        """
        while self.over < len(self.names) and not is_wanted(self.names[self.over]):
            self.pass_over()
        return self.names[self.over] if self.over < len(self.names) else None

    def done(self, remark: str | None = None) -> None:
        """Count this micrograph as over, with a remark on it if there is one."""
        self.over += 1
        if remark is not None:
            self.remarks.append(remark)

    def failed(self, problem: str) -> None:
        """Count this micrograph, which can't be used, as over."""
        self.problems[self.names[self.over]] = problem
        self.done(problem)

    def pass_over(self) -> None:
        """Count this micrograph, which nobody wants any more, as over."""
        self.over += 1

    @property
    def summary(self) -> str:
        """The first remark, and how many more there are; empty where there are none."""
        more = f" (and {len(self.remarks) - 1} more)" if len(self.remarks) > 1 else ""
        return "".join(self.remarks[:1]) + more
