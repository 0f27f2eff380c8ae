"""The epochs of a training: what is learnt, judged after each, until the last or until it stops."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Sequence

import numpy as np
import torch

from napari_deepem.core.jobs import BatchesDone, EpochDone, TilesDone
from napari_deepem.core.network.network import Network
from napari_deepem.core.training.held_out_figures import HeldOutFigures
from napari_deepem.core.training.learners import Learner, losses_of_epoch
from napari_deepem.core.training.settings import TrainingSettings

Learning = BatchesDone | TilesDone | EpochDone  # progress of a training


def learn_epochs(
    learner: Learner,
    figures: HeldOutFigures,
    settings: TrainingSettings,
    looks: Container[int],
    stop: Callable[[], bool],
    device: torch.device,
) -> Generator[Learning, None, tuple[Network, list[EpochDone], bool]]:
    """A stream of progress that returns a network, all epochs, and whether it was stopped.

    The network is that of the last epoch, or where training was stopped of the best one. After the
    epochs in `looks` the learner looks around for particles that are not labelled.
    """
    curve: list[EpochDone] = []
    epochs = settings.chosen_epochs
    best = network = learner.trained()
    done, total = 0, epochs * learner.batches_per_epoch
    stopped = False
    for epoch in range(1, epochs + 1):
        losses: list[float] = []
        for loss in losses_of_epoch(learner, device):
            losses.append(loss)
            done += 1
            yield BatchesDone(done, total, epochs)
            if stopped := done < total and stop():
                break
        if stopped and curve:  # there is a best epoch: a part of another is not waited for
            break
        if epoch in looks and not stopped:
            yield from learner.look_around(stop)
        network = learner.trained()
        picking_ap = None if stopped else (yield from figures.at_picking(network, epoch, stop))
        curve.append(
            EpochDone(
                epoch,
                epochs,
                float(np.mean(losses)),
                *figures.at_boxes(network),
                picking_ap,
                settings.labels_complete,
            )
        )
        if best_epoch(curve) == epoch:
            best = network
        yield curve[-1]
        if stopped := stopped or (done < total and stop()):
            break
    return (best if stopped else network), curve, stopped


def best_epoch(curve: Sequence[EpochDone]) -> int:
    """The epoch with the highest held-out AP, of equals the lowest loss there; else the last."""
    if not curve or curve[-1].held_out_ap is None:
        return len(curve)
    return max(curve, key=lambda done: (done.held_out_ap, -(done.held_out_loss or 0.0))).epoch
