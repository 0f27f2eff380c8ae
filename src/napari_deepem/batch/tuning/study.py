"""A tuning's memory: which variants were tried and what came of them, in a file of Optuna's.

Needs the extra `tune`; Optuna is loaded only when a study is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_deepem.core.errors import InputError
from napari_deepem.core.training.variants import Variant
from napari_deepem.io.atomic import writable_folder

NAME = "napari-deepem tune"
MAPS = (0.5, 0.75, 1.0, 1.5, 2.0)
KERNELS = (0.6, 1.8)  # lowest and highest
KERNEL_LAYERS = ("C1 kernel", "C3 kernel", "C5 kernel")
MORE_CELLS = {
    "as ever": (0, 0, 0),
    "wider S2": (1, 0, 0),
    "wider S4": (0, 1, 0),
    "no S6": (0, 0, -1),
}
LEARNING_RATE = (0.25, 4.0)
NEGATIVES = (0.5, 4.0)
FIRST_GUESSES = (Variant(maps=1.5), Variant(negatives=2.0))  # before anything is drawn by chance
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
    """A study in a file. Trial 0 is the default; every trial is kept as soon as it is done."""

    def __init__(self, path: Path, optuna_study: Any) -> None:
        self.path = path
        self._study = optuna_study
        self._asked: dict[int, Any] = {}  # trials that Optuna waits to hear of

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

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = _load(path, about) if path.exists() else _create(path, about)
        study.pruner = optuna.pruners.PercentilePruner(
            100.0 - WORST_SHARE, n_startup_trials=TRIALS_TO_COMPARE, n_warmup_steps=epochs // 2
        )
        study.sampler = optuna.samplers.TPESampler(
            seed=seed + len(study.trials), n_startup_trials=DRAWN_BY_CHANCE, constant_liar=False
        )
        for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # it was interrupted
        return cls(path, study)

    @property
    def trials(self) -> list[Trial]:
        """Every trial, in the order of their numbers."""
        return [
            Trial(
                trial.number,
                _variant(trial.params),
                trial.value if trial.state.name == "COMPLETE" else None,
                trial.user_attrs.get("seconds"),
                "" if trial.value is not None else trial.user_attrs.get("note", "interrupted"),
            )
            for trial in self._study.get_trials(deepcopy=False)
            if trial.params
        ]

    @property
    def repeats(self) -> dict[tuple[int, int], Repeat]:
        """The repeats, by trial and seed."""
        attributes = self._study.user_attrs  # where studies have always called them so
        repeats = [Repeat(**value) for key, value in attributes.items() if key.startswith("run ")]
        return {(repeat.trial, repeat.seed): repeat for repeat in repeats}

    def add_repeat(self, repeat: Repeat) -> None:
        """Keep a repeat."""
        self._study.set_user_attr(f"run {repeat.trial} {repeat.seed}", asdict(repeat))

    def add_default(self, ap: float, seconds: float, box_aps: Sequence[float]) -> None:
        """Keep trial 0, whose box average precisions after every epoch others are held against."""
        import optuna

        self._study.add_trial(
            optuna.create_trial(
                params=_parameters(Variant()),
                distributions=_distributions(),
                value=ap,
                user_attrs={"seconds": seconds},
                intermediate_values=dict(enumerate(box_aps, start=1)),
            )
        )

    def propose(self) -> Trial:
        """The variant to try next."""
        for guess in FIRST_GUESSES:
            self._study.enqueue_trial(_parameters(guess), skip_if_exists=True)
        asked = self._study.ask(_distributions())
        self._asked[asked.number] = asked
        return Trial(asked.number, _variant(asked.params), None, None)

    def is_hopeless(self, trial: Trial, epoch: int, box_ap: float) -> bool:
        """Whether a trial is among the worst after an epoch, counted from 1."""
        asked = self._asked[trial.number]
        asked.report(box_ap, epoch)
        return bool(asked.should_prune())

    def finish(self, trial: Trial, ap: float, seconds: float) -> None:
        """Keep what came of a proposal."""
        asked = self._asked.pop(trial.number)
        asked.set_user_attr("seconds", seconds)
        self._study.tell(asked, ap)

    def give_up(self, trial: Trial, note: str, seconds: float, *, is_bad: bool) -> None:
        """Keep why a proposal was not finished, and whether that speaks against it."""
        import optuna

        asked = self._asked.pop(trial.number)
        asked.set_user_attr("seconds", seconds)
        asked.set_user_attr("note", note)
        states = optuna.trial.TrialState
        self._study.tell(asked, state=states.PRUNED if is_bad else states.FAIL)


def _create(path: Path, about: Mapping[str, str]) -> Any:
    import optuna

    writable_folder(path.parent)
    study = optuna.create_study(storage=_storage(path), study_name=NAME, direction="maximize")
    study.set_user_attr("about", dict(about))
    return study


def _load(path: Path, about: Mapping[str, str]) -> Any:
    """The study in a file, which is left alone if it is not ours or of other data."""
    import optuna

    with path.open("rb") as file:
        begins_as_ours = f'"study_name":"{NAME}"'.encode() in file.readline(1000)
    if not begins_as_ours:
        raise InputError(f"{path} is not a study that tune wrote: give another file with --study")
    try:
        study = optuna.load_study(storage=_storage(path), study_name=NAME)
        kept = study.user_attrs["about"]
    except (ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged: give another file with --study") from error
    for quantity, value in about.items():
        if kept.get(quantity) != value:
            raise InputError(
                f"{path} is a study of {quantity} {kept.get(quantity)}, this is {value}: "
                "give another file with --study"
            )
    return study


def _storage(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    return JournalStorage(JournalFileBackend(str(path), JournalFileOpenLock(str(path))))


def _distributions() -> dict[str, Any]:
    """The space that is searched, in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    kernel = FloatDistribution(*KERNELS, log=True)
    return {
        "maps": CategoricalDistribution(MAPS),
        **dict.fromkeys(KERNEL_LAYERS, kernel),
        "cells": CategoricalDistribution(tuple(MORE_CELLS)),
        "learning rate": FloatDistribution(*LEARNING_RATE, log=True),
        "negatives": FloatDistribution(*NEGATIVES, log=True),
    }


def _parameters(variant: Variant) -> dict[str, Any]:
    """A variant as a point of that space."""
    names = {cells: name for name, cells in MORE_CELLS.items()}
    return {
        "maps": variant.maps,
        **dict(zip(KERNEL_LAYERS, variant.kernels, strict=True)),
        "cells": names[variant.more_cells],
        "learning rate": variant.learning_rate,
        "negatives": variant.negatives,
    }


def _variant(parameters: Mapping[str, Any]) -> Variant:
    """The variant at a point of that space: the inverse of `_parameters`."""
    c1, c3, c5 = (parameters[layer] for layer in KERNEL_LAYERS)
    return Variant(
        maps=parameters["maps"],
        kernels=(c1, c3, c5),
        more_cells=MORE_CELLS[parameters["cells"]],
        learning_rate=parameters["learning rate"],
        negatives=parameters["negatives"],
    )
