"""The training of the general network, and checkpoints of it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
from training import (
    BOX_PX,
    MARGIN_PX,
    STEP_PX,
    STEPS,
    WITHIN_PX,
    Pool,
    Trainee,
    draw_pieces,
    losses_of,
    targets_of,
)

from blobs import blob_centres, blob_image

MIDDLE = (BOX_PX - 1) / 2  # of the first box of a piece
MAPS = (2, 3, 4)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Two micrographs of blobs, and an empty one."""
    rng = np.random.default_rng(0)
    places = [blob_centres(rng, (120, 120), count=5) for _ in range(2)]
    blobs = [3 * blob_image((120, 120), yx) for yx in places] + [np.zeros((120, 120))]
    noise = rng.standard_normal((3, 120, 120))
    return Pool.of((np.array(blobs) + noise).astype(np.float16), [*places, np.empty((0, 2))])


def weights_of(network: torch.nn.Module) -> list[np.ndarray]:
    return [values.numpy() for values in network.state_dict().values()]


def test_target_falls_from_1_at_a_particle_to_0_at_a_quarter_of_the_box() -> None:
    def target(shift: float) -> float:
        return float(targets_of(np.array([[MIDDLE + 3 * STEP_PX + shift, MIDDLE]]))[3, 0])

    assert target(0.0) == 1.0
    assert 0.0 < target(BOX_PX / 8) < 1.0
    assert target(BOX_PX / 4) == 0.0
    assert target(BOX_PX / 2) == 0.0


def test_targets_of_a_piece_are_those_of_its_nearest_particles() -> None:
    targets = targets_of(np.array([[MIDDLE, MIDDLE], [MIDDLE + 5 * STEP_PX, MIDDLE + STEP_PX]]))
    rows, cols = np.nonzero(targets == 1)
    assert list(zip(rows, cols, strict=True)) == [(0, 0), (5, 1)]
    assert targets[2:4].max() == 0.0
    assert targets_of(np.empty((0, 2))).tolist() == [[0.0] * STEPS] * STEPS


def test_particle_at_the_middle_of_a_box_is_there_in_its_piece(pool: Pool) -> None:
    pieces, targets = draw_pieces(pool, np.random.default_rng(1))
    index, row, col = np.argwhere(targets > 0.8).T  # nearer than 5 px
    assert len(index) > 5
    middles = np.rint(MIDDLE + STEP_PX * np.stack([row, col])).astype(int)
    assert pieces[index, *middles].mean() > 1.5  # a blob's height is 3, that of noise 0


def test_particles_that_the_border_cuts_off_are_not_learnt() -> None:
    inside, outside = [WITHIN_PX, 50.0], [WITHIN_PX - 1, 50.0]
    pool = Pool.of(np.zeros((1, 100, 100), dtype=np.float16), [np.array([inside, outside])])
    assert pool.images.shape == (1, 100 + 2 * MARGIN_PX, 100 + 2 * MARGIN_PX)
    assert (pool.centres_yx[0] - MARGIN_PX).tolist() == [inside]


def test_training_goes_on_from_its_checkpoint_as_if_it_had_not_stopped(
    pool: Pool, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "training.safetensors"
    whole, stopped, restored = (Trainee(MAPS, 6, seed=2) for _ in range(3))
    losses = list(losses_of(whole, pool))
    list(islice(losses_of(stopped, pool), 3))
    checkpoints.keep(stopped, checkpoint)
    assert checkpoints.restore(restored, checkpoint)
    assert list(losses_of(restored, pool)) == losses[3:]
    for ours, theirs in ((restored.network, whole.network), (restored.average, whole.average)):
        for one, other in zip(weights_of(ours), weights_of(theirs), strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("maps", "batches", "seed"), [(MAPS, 7, 2), (MAPS, 6, 3), ((3,) * 3, 6, 2)]
)
def test_checkpoint_of_another_plan_is_not_gone_on_from(
    maps: tuple[int, int, int], batches: int, seed: int, tmp_path: Path, pool: Pool
) -> None:
    checkpoint = tmp_path / "training.safetensors"
    stopped, other = Trainee(MAPS, 6, seed=2), Trainee(maps, batches, seed)
    next(losses_of(stopped, pool))
    checkpoints.keep(stopped, checkpoint)
    assert not checkpoints.restore(other, checkpoint)
    assert not checkpoints.restore(other, tmp_path / "none.safetensors")
    assert other.done == 0
