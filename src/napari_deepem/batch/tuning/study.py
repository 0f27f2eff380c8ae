"""A tuning's memory: which variants were tried, what came of them, and what to try next.

What was tried is in a `StudyFile`. Optuna, which proposes, knows of it for as long as a command
runs. Needs the extra `tune`; Optuna is loaded only when a study is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_deepem.batch.tuning.search_space import (
    FIRST_GUESSES,
    distributions,
    parameters_of,
    variant_at,
)
from napari_deepem.batch.tuning.study_file import Line, RepeatLine, StudyFile, TrialLine, damaged
from napari_deepem.core.errors import InputError
from napari_deepem.core.training.variants import Variant

DRAWN_BY_CHANCE = 6  # trials before Optuna's sampler learns from them
WORST_SHARE = 10.0  # per cent: trials below so many of the finished ones are stopped halfway
TRIALS_TO_COMPARE = 4  # before any is stopped


@dataclass(frozen=True, slots=True)
class Trial:
    """A variant and how it did in the search."""

    number: int  # 0: the default
    variant: Variant
    ap: float | None  # average precision on held-out micrographs; None if it was not finished
    seconds: float | None
    note: str = ""  # why it was not finished


@dataclass(frozen=True, slots=True)
class Repeat:
    """A training of a trial's variant with one of the seeds by which it is set against others."""

    trial: int
    seed: int
    ap: float  # on what that seed holds out
    unseen_ap: float | None  # on micrographs that the search never saw; None without such
    seconds: float


def check_optuna() -> None:
    """Raise InputError, which says how to install it, if Optuna is missing."""
    if find_spec("optuna") is None:
        raise InputError('tuning needs Optuna: pip install "napari-deepem[tune]" brings it')


class Study:
    """A study in a file. Trial 0 is the default; every training is kept as soon as it is done."""

    def __init__(self, file: StudyFile, optuna_study: Any) -> None:
        self._file = file
        self._study = optuna_study
        self._asked: Any = None  # the trial that Optuna waits to hear of
        self._box_aps: list[float] = []  # of that trial
        self.trials: list[Trial] = []  # in the order of their numbers
        self.repeats: dict[tuple[int, int], Repeat] = {}  # by trial and seed

    @classmethod
    def open(cls, path: Path, about: Mapping[str, str], seed: int, epochs: int) -> Study:
        """The study of a file, or a new one.

        Parameters
        ----------
        path : Path
        about : mapping
            What the study's figures depend on: a study that is there must agree in all of it.
        seed : int
            Of what is drawn by chance.
        epochs : int
            How many epochs a trial has.

        Raises
        ------
        InputError
            If Optuna is missing, or the file is something else or a study of other data.
        """
        check_optuna()
        import optuna

        file = StudyFile.open(path, about)
        lines = file.read()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.PercentilePruner(
            100.0 - WORST_SHARE, n_startup_trials=TRIALS_TO_COMPARE, n_warmup_steps=epochs // 2
        )
        sampler = optuna.samplers.TPESampler(
            seed=seed + len(lines), n_startup_trials=DRAWN_BY_CHANCE, constant_liar=False
        )
        optuna_study = optuna.create_study(direction="maximize", pruner=pruner, sampler=sampler)
        study = cls(file, optuna_study)
        study._recall(lines)
        return study

    @property
    def path(self) -> Path:
        """The study's file."""
        return self._file.path

    def add_repeat(self, repeat: Repeat) -> None:
        """Keep a repeat."""
        self._file.add(_repeat_line(repeat, self.trials[repeat.trial].variant))
        self.repeats[repeat.trial, repeat.seed] = repeat

    def add_default(self, repeat: Repeat, box_aps: Sequence[float]) -> None:
        """Keep trial 0, which counts as a repeat, too.

        Others are held against its box average precisions after every epoch.
        """
        line = TrialLine(
            variant=Variant(), ap=repeat.ap, seconds=repeat.seconds, box_aps=list(box_aps)
        )
        self._file.add(line, _repeat_line(repeat, Variant()))
        self._tell_of(line)
        self._number(line)
        self.repeats[0, repeat.seed] = repeat

    def propose(self) -> Trial:
        """The variant to try next."""
        tried = {trial.variant for trial in self.trials}
        for guess in FIRST_GUESSES:
            if guess not in tried:
                self._study.enqueue_trial(parameters_of(guess))
                break
        self._asked, self._box_aps = self._study.ask(distributions()), []
        return Trial(len(self.trials), variant_at(self._asked.params), None, None)

    def is_hopeless(self, epoch: int, box_ap: float) -> bool:
        """Whether what was proposed is among the worst after an epoch, counted from 1."""
        self._box_aps.append(box_ap)
        self._asked.report(box_ap, epoch)
        return bool(self._asked.should_prune())

    def finish(self, trial: Trial, ap: float, seconds: float) -> None:
        """Keep what came of a proposal."""
        self._keep(TrialLine(variant=trial.variant, ap=ap, seconds=seconds, box_aps=self._box_aps))

    def give_up(self, trial: Trial, note: str, seconds: float, *, is_bad: bool) -> None:
        """Keep why a proposal was not finished, and whether that speaks against it."""
        self._keep(
            TrialLine(
                variant=trial.variant,
                ap=None,
                seconds=seconds,
                note=note,
                is_bad=is_bad,
                box_aps=self._box_aps,
            )
        )

    def _keep(self, line: TrialLine) -> None:
        self._file.add(line)
        self._study.tell(self._asked, line.ap, state=_state_of(line))
        self._number(line)

    def _recall(self, lines: Sequence[Line]) -> None:
        """Number the trials of the file, and let Optuna know of them.

        Two commands that tuned at once may have tried one variant twice; a finished trial counts.
        """
        trial_lines: dict[Variant, TrialLine] = {}
        for line in lines:
            if isinstance(line, TrialLine):
                known = trial_lines.get(line.variant)
                if known is None or known.ap is None:
                    trial_lines[line.variant] = line
        for line in trial_lines.values():
            self._tell_of(line)
            self._number(line)
        numbers = {trial.variant: trial.number for trial in self.trials}
        repeat_lines = [line for line in lines if isinstance(line, RepeatLine)]
        if any(line.variant not in numbers for line in repeat_lines):
            raise InputError(damaged(self.path, "a repeat of no trial"))
        for line in repeat_lines:
            number = numbers[line.variant]
            repeat = Repeat(number, line.seed, line.ap, line.unseen_ap, line.seconds)
            self.repeats.setdefault((number, line.seed), repeat)
        if self.trials and not self._begins_with_the_default:
            raise InputError(damaged(self.path, "it does not begin with the default"))

    @property
    def _begins_with_the_default(self) -> bool:
        default = self.trials[0]
        is_repeated = any(number == 0 for number, _ in self.repeats)
        return default.variant == Variant() and default.ap is not None and is_repeated

    def _tell_of(self, line: TrialLine) -> None:
        """Let Optuna know of a trial that it has not proposed."""
        import optuna

        self._study.add_trial(
            optuna.create_trial(
                params=parameters_of(line.variant),
                distributions=distributions(),
                value=line.ap,
                state=_state_of(line),
                intermediate_values=dict(enumerate(line.box_aps, start=1)),
            )
        )

    def _number(self, line: TrialLine) -> None:
        """Count a trial among those that ended."""
        trial = Trial(len(self.trials), line.variant, line.ap, line.seconds, line.note)
        self.trials.append(trial)


def _repeat_line(repeat: Repeat, variant: Variant) -> RepeatLine:
    return RepeatLine(
        variant=variant,
        seed=repeat.seed,
        ap=repeat.ap,
        unseen_ap=repeat.unseen_ap,
        seconds=repeat.seconds,
    )


def _state_of(line: TrialLine) -> Any:
    """The state of a trial, in Optuna's terms."""
    from optuna.trial import TrialState

    if line.ap is not None:
        return TrialState.COMPLETE
    return TrialState.PRUNED if line.is_bad else TrialState.FAIL
