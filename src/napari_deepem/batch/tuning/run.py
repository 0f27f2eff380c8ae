"""The course of a tuning: how its time is spent, and what it is spent on.

The default is trial 0. Half of the time goes into the search: one training a trial, all evaluated
on the same held-out micrographs. The best of many is partly lucky, so the other half trains it and
the default again, in pairs, each pair with another seed and other micrographs held out. Unless the
gain is larger than its noise, the default stays. Where there are enough micrographs, some are kept
from all of this, and show how good the choice is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from statistics import median
from time import monotonic

from napari_deepem.batch.tuning.choice import (
    Choice,
    choice_figures,
    choice_text,
    choose,
    rivals_of_default,
)
from napari_deepem.batch.tuning.study import Study, Trial
from napari_deepem.batch.tuning.trainings import (
    Ended,
    Split,
    Trainer,
    TrialDone,
    TrialEpoch,
    box_ap_of,
    follow,
    keep_unseen,
    train_and_evaluate,
)
from napari_deepem.batch.tuning.trial_table import Row, trial_rows, write_trials
from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.network.model import Model
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.variants import REPEATS_NEEDED

SEARCH_SHARE = 0.5  # of the time; the rest makes sure
MOST_RIVALS = 2  # of the default, that are trained again
MOST_REPEATS = 8
MORE_LABELS = 1.25  # how much longer the model's own training, with unseen micrographs, may take

TuningProgress = Split | TrialEpoch | TrialDone


@dataclass(frozen=True, eq=False, slots=True)
class Tuned:
    """The result of a tuning: a model, and the choice that it was trained by."""

    model: Model
    choice: Choice
    split: Split
    rows: list[Row]  # one a trial
    table: Path  # where all of them are written

    @property
    def text(self) -> str:
        """The choice, the reason for it, and how good it is, in two lines."""
        radius_px = SAME_PARTICLE_BOXES * self.model.box_size_px
        return choice_text(self.choice, self.split.unseen, radius_px)


class Tuning:
    """The tuning of one study within one command; see `run`.

    Parameters
    ----------
    fields : sequence of Field
        What `prepare_fields` made of the micrographs.
    settings : TrainingSettings
        The default.
    study : Study
        What is in it is not done again.
    ends : float
        When the time is up, by `clock`.
    trainer, clock : callables
        Others in tests.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        settings: TrainingSettings,
        study: Study,
        ends: float,
        *,
        trainer: Trainer = train_and_evaluate,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._fields = fields
        self._searched, self._unseen = keep_unseen(fields, settings.seed)
        self._settings = settings
        self._study = study
        self._ends = ends
        self._trainer = trainer
        self._clock = clock
        self._models: dict[int, Model] = {}  # of this command's trials, by number
        self._aside = 1.2  # seconds that a training takes for each second of its epochs

    def run(self) -> Generator[TuningProgress, None, Tuned]:
        """A stream of what is done that returns the result."""
        split = Split(*([field.name for field in part] for part in (self._searched, self._unseen)))
        yield split
        if not self._study.trials:
            yield from self._train_default()
        rivals: list[Trial] = []
        while not rivals:
            seconds = self._last_start([]) - self._clock()
            n_tried = yield from self._search(self._clock() + SEARCH_SHARE * seconds)
            rivals = self._rivals()
            if not n_tried:
                break
        if rivals:
            yield from self._repeat(rivals)
        choice = choose(self._study.trials, self._study.repeats)
        model = yield from self._train_chosen(choice)
        table = write_trials(self._study, self._settings, choice)
        return Tuned(model, choice, split, trial_rows(self._study, self._settings, choice), table)

    def _train_default(self) -> Generator[TuningProgress, None, None]:
        """A stream of trial 0, which is always trained to its end."""
        box_aps: list[float] = []

        def note(epoch: EpochDone) -> bool:
            box_aps.append(box_ap_of(epoch))
            return False

        ended = yield from self._train("trial 0", self._settings, self._unseen, inf, note)
        outcome = ended.outcome
        assert outcome is not None
        self._models[0] = outcome.model
        self._study.add_default(ended.as_repeat(0, self._settings.seed), box_aps)
        yield self._done("trial 0", self._settings, ended)

    def _search(self, until: float) -> Generator[TuningProgress, None, int]:
        """A stream of one trial after another that returns how many they were."""
        n_tried = 0
        while self._clock() + self._usual_seconds() <= until:
            trial = self._study.propose()
            yield from self._try(trial, until)
            n_tried += 1
        return n_tried

    def _try(self, trial: Trial, until: float) -> Generator[TuningProgress, None, None]:
        what = f"trial {trial.number}"
        try:
            settings = trial.variant.applied_to(self._settings)
        except InputError as error:
            misfit = Ended(str(error), is_bad=True)
            self._study.give_up(trial, misfit.note, 0.0, is_bad=True)
            yield self._done(what, None, misfit)
            return

        def is_hopeless(epoch: EpochDone) -> bool:
            return self._study.is_hopeless(epoch.epoch, box_ap_of(epoch))

        ended = yield from self._train(what, settings, [], until, is_hopeless)
        if ended.outcome is None:
            self._study.give_up(trial, ended.note, ended.seconds, is_bad=ended.is_bad)
        else:
            self._models[trial.number] = ended.outcome.model
            self._study.finish(trial, ended.outcome.ap, ended.seconds)
        yield self._done(what, settings, ended)

    def _repeat(self, rivals: Sequence[Trial]) -> Generator[TuningProgress, None, None]:
        """A stream of repeats of the default and its rivals, seed by seed, while there is time."""
        trials = [self._default, *rivals]
        for seed in self._seeds:
            if self._clock() + self._missing_seconds(rivals, [seed]) > self._last_start(trials):
                return
            for trial in trials:
                if (trial.number, seed) in self._study.repeats:
                    continue
                what = f"trial {trial.number}, repeat {seed - self._settings.seed}"
                settings = replace(trial.variant.applied_to(self._settings), seed=seed)
                until = self._last_start(trials)
                ended = yield from self._train(what, settings, self._unseen, until)
                if ended.outcome is not None:
                    self._study.add_repeat(ended.as_repeat(trial.number, seed))
                yield self._done(what, settings, ended)
                if ended.outcome is None:
                    return

    def _train_chosen(self, choice: Choice) -> Generator[TuningProgress, None, Model]:
        """A stream that returns the model: trained on all micrographs, if there is time."""
        trial = choice.chosen
        model = self._models.get(trial.number)
        if model is None or (self._unseen and self._clock() <= self._last_start([trial])):
            settings = trial.variant.applied_to(self._settings)
            job = self._trainer(self._fields, settings, [])
            ended = yield from follow("model", job, self._clock, inf, self._aside)
            assert ended.outcome is not None
            model = ended.outcome.model
        unseen = [field.name for field in self._unseen]
        return replace(model, summary=model.summary | {"tuning": choice_figures(choice, unseen)})

    def _train(
        self,
        what: str,
        settings: TrainingSettings,
        unseen: Sequence[Field],
        until: float,
        is_hopeless: Callable[[EpochDone], bool] | None = None,
    ) -> Generator[TrialEpoch, None, Ended]:
        """A stream of a training on what is searched with that returns its end: stopped in time."""
        job = self._trainer(self._searched, settings, unseen)
        ended = yield from follow(what, job, self._clock, until, self._aside, is_hopeless)
        if ended.outcome is not None:
            self._aside = ended.seconds / max(ended.seconds_in_epochs, 1e-3)
        return ended

    def _done(self, what: str, settings: TrainingSettings | None, ended: Ended) -> TrialDone:
        """The end of a training as progress, noted in the tables before it is told."""
        write_trials(self._study, self._settings)
        ap = None if ended.outcome is None else ended.outcome.ap
        return TrialDone(what, settings, ap, ended.seconds, ended.note)

    def _rivals(self) -> list[Trial]:
        """The trials to train again, as far as the time allows: a second one if there is plenty."""
        rivals: list[Trial] = []
        for trial in rivals_of_default(self._study.trials, self._study.repeats)[:MOST_RIVALS]:
            trials = [*rivals, trial]
            missing = self._missing_seconds(trials, self._seeds[: REPEATS_NEEDED + len(rivals)])
            if self._clock() + missing <= self._last_start([self._default, *trials]):
                rivals = trials
        return rivals

    def _missing_seconds(self, rivals: Sequence[Trial], seeds: Sequence[int]) -> float:
        """The seconds that trainings with these seeds will take which are not in the study."""
        return sum(
            trial.seconds or 0.0
            for trial in (self._default, *rivals)
            for seed in seeds
            if (trial.number, seed) not in self._study.repeats
        )

    def _last_start(self, trials: Sequence[Trial]) -> float:
        """The time when the model's own training must begin, whichever trial is chosen."""
        longest = max(trial.seconds or 0.0 for trial in (self._default, *trials))
        return self._ends - MORE_LABELS * longest

    def _usual_seconds(self) -> float:
        """The median seconds of the finished trials."""
        return median(trial.seconds or 0.0 for trial in self._study.trials if trial.ap is not None)

    @property
    def _default(self) -> Trial:
        return self._study.trials[0]

    @property
    def _seeds(self) -> list[int]:
        """The seeds of the repeats."""
        return [self._settings.seed + n for n in range(1, MOST_REPEATS + 1)]
