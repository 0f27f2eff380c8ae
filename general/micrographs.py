"""Micrographs of anything: small ones, sampled as the network sees them, each of other conditions.

Everything that differs between microscopes, detectors, molecules and users' boxes is drawn by
chance, micrograph by micrograph. Lengths are in network pixels unless said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from particles import Particle, direction, random_particle
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from napari_deepem.core.network.general import GENERAL_BOX_PX
from napari_deepem.core.preprocessing.prepare import prepare_image
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.simulation.optics import Optics, contrast_transfer, frequency_grid
from napari_deepem.core.simulation.scene import add_image
from napari_deepem.core.simulation.scenery import (
    carbon_thickness,
    crystal_thickness,
    ice_transmission,
    speck_thickness,
)

SIDE_PX = 384
BORDER_PX = 64  # simulated around it and cut off
CANVAS_PX = SIDE_PX + 2 * BORDER_PX
BOX_PX = GENERAL_BOX_PX

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class MadeMicrograph:
    """A prepared micrograph, and the particles in it and just outside."""

    prepared: Image  # (side, side)
    centres_yx: NDArray[np.float64]  # (n, 2)
    diameter_px: float  # of a particle


def make_micrograph(rng: np.random.Generator) -> MadeMicrograph:
    """A micrograph of other conditions each time."""
    pixel_size = float(np.exp(rng.uniform(np.log(2.2), np.log(9.0))))  # A
    scene = Scene(rng, pixel_size)
    particles, others, transmission, centres_yx = scene.matter()
    image = record(particles, others, transmission, centres_yx, pixel_size, rng)
    inner = slice(BORDER_PX, -BORDER_PX)
    prepared = prepare_image(as_stored(image[inner, inner], rng), BOX_PX, Sampling(1))
    return MadeMicrograph(prepared, centres_yx - BORDER_PX, scene.diameter_px)


class Scene:
    """What the beam meets: particles of one kind, and all that is none."""

    def __init__(self, rng: np.random.Generator, pixel_size: float) -> None:
        self._rng = rng
        self._pixel_size = pixel_size
        self._particle = random_particle(rng)
        self.diameter_px = BOX_PX * (0.45 + 0.57 * float(rng.random()) ** 0.7)
        self._occupied = np.zeros((CANVAS_PX, CANVAS_PX), dtype=bool)

    def matter(self) -> tuple[Image, Image, Image, NDArray[np.float64]]:
        """Phases of particles and of all else, 1 typical of a particle; transmission; centres."""
        rng = self._rng
        transmission = ice_transmission(self._occupied.shape, rng.uniform(0.0, 0.3), rng)
        film = self._film()
        centres_yx = self._places()
        turns = self._turns(len(centres_yx))
        particles = draw(self._particle, self.diameter_px, centres_yx, turns, rng)
        matter = particles[particles > 0.05 * particles.max(initial=0.0)]
        level = float(np.median(matter)) if len(matter) else 1.0
        grain = rng.standard_normal(film.shape, dtype=np.float32)
        grain = ndimage.gaussian_filter(grain, rng.uniform(0.4, 1.5))
        grain *= rng.uniform(0.2, 1.5) / grain.std()
        others = film * (rng.uniform(0.3, 4.0) + grain)
        transmission *= np.exp(-rng.uniform(0.0, 0.1) * film)
        self._add_dirt(others, transmission)
        self._add_debris(others, level)
        return particles / level, others, transmission, centres_yx

    def _film(self) -> Image:
        """The thickness of a carbon film, in a third of the micrographs; particles avoid it."""
        rng = self._rng
        if rng.random() > 0.35:
            return np.zeros((CANVAS_PX, CANVAS_PX), dtype=np.float32)
        film = carbon_thickness(self._occupied.shape, rng.uniform(0.05, 0.5), rng, BORDER_PX)
        self._occupied |= film > 0.05
        return film

    def _places(self) -> NDArray[np.float64]:
        """(n, 2) centres: sparse or dense, spread out or in clusters."""
        rng = self._rng
        if rng.random() < 0.04:
            return np.empty((0, 2))
        span = CANVAS_PX / self.diameter_px
        count = int(np.exp(rng.uniform(np.log(6.0), np.log(0.75 * span**2))))
        clustered = rng.random() < 0.4
        apart = self.diameter_px * (rng.uniform(0.6, 1.1) if rng.random() < 0.75 else 0.35)
        places: list[NDArray[np.float64]] = []
        for _ in range(12 * count):
            if len(places) == count:
                break
            place = rng.uniform(0.0, CANVAS_PX - 1.0, 2)
            if clustered and places and rng.random() < 0.8:
                angle = rng.uniform(0.0, 2 * np.pi)
                reach = self.diameter_px * rng.uniform(0.75, 1.3)
                beside = places[int(rng.integers(len(places)))]
                place = beside + reach * np.array([np.sin(angle), np.cos(angle)])
            row, col = np.rint(place).astype(int)
            if not (0 <= row < CANVAS_PX and 0 <= col < CANVAS_PX) or self._occupied[row, col]:
                continue
            if places and np.hypot(*(np.array(places) - place).T).min() < apart:
                continue
            places.append(place)
        return np.array(places).reshape(-1, 2)

    def _turns(self, count: int) -> NDArray[np.float64]:
        """(count, 3, 3) rotations: uniform, or about a few preferred views."""
        rng = self._rng
        turns = Rotation.from_quat(rng.standard_normal((count, 4))) if count else None
        if turns is None:
            return np.empty((0, 3, 3))
        if rng.random() < 0.35:
            views = Rotation.from_quat(rng.standard_normal((int(rng.integers(1, 4)), 4)))
            chosen = views[rng.integers(len(views), size=count)]
            spin = Rotation.from_rotvec(rng.uniform(0.0, 2 * np.pi, (count, 1)) * (0.0, 0.0, 1.0))
            tilt = Rotation.from_rotvec(rng.normal(0.0, 0.25, (count, 3)))
            preferred = rng.random(count) < 0.8
            matrices = turns.as_matrix()
            matrices[preferred] = (spin * tilt * chosen).as_matrix()[preferred]
            return np.asarray(matrices)
        return np.asarray(turns.as_matrix())

    def _add_dirt(self, phase: Image, transmission: Image) -> None:
        """Add ice crystals, specks and beads of gold, in place: from specks to twice a box."""
        rng = self._rng
        if rng.random() < 0.4:
            return
        for _ in range(int(rng.integers(1, 8))):
            radius = BOX_PX * float(np.exp(rng.uniform(np.log(0.06), np.log(1.4))))
            shape = crystal_thickness if rng.random() < 0.5 else speck_thickness
            thickness = shape(radius, rng)
            place = rng.integers(0, CANVAS_PX, 2)
            add_image(
                phase, float(np.exp(rng.uniform(np.log(0.7), np.log(8.0)))) * thickness, place
            )
            add_image(transmission, -rng.uniform(0.0, 0.1) * thickness, place)

    def _add_debris(self, phase: Image, level: float) -> None:
        """Add what a box is not meant for, in place: pieces of particles, small and huge ones."""
        rng = self._rng
        if rng.random() < 0.5:
            return
        count = int(rng.integers(2, 25))
        places = rng.uniform(0.0, CANVAS_PX - 1.0, (count, 2))
        kind = rng.random()
        if kind < 0.4:
            side = self._particle.points @ direction(rng) > rng.uniform(0.0, 0.2)
            if side.sum() < 10:
                return
            piece = Particle(self._particle.points[side], self._particle.weights[side])
            diameter_px = self.diameter_px
        elif kind < 0.8:
            piece, diameter_px = random_particle(rng), BOX_PX * rng.uniform(0.1, 0.35)
        else:
            piece, diameter_px = random_particle(rng), BOX_PX * rng.uniform(1.6, 3.0)
            places = places[: count // 6 + 1]
        turns = Rotation.from_quat(rng.standard_normal((len(places), 4))).as_matrix()
        debris = draw(piece, diameter_px, places, turns, rng)
        debris /= max(float(np.median(debris[debris > 0.05 * debris.max()])), 1e-9)
        # matter of one density: what is thinner is fainter
        phase += rng.uniform(0.5, 1.2) * min(1.5, diameter_px / self.diameter_px) * debris


def draw(
    particle: Particle,
    diameter_px: float,
    centres_yx: NDArray[np.float64],
    turns: NDArray[np.float64],
    rng: np.random.Generator,
) -> Image:
    """The projections of a particle at these places, in any unit."""
    canvas = np.zeros((CANVAS_PX, CANVAS_PX), dtype=np.float32)
    strengths = np.clip(rng.normal(1.0, rng.uniform(0.0, 0.25), len(centres_yx)), 0.4, 1.6)
    mass = particle.weights / particle.weights.sum()
    side = 2 * int(np.linalg.norm(particle.points, axis=1).max() * diameter_px + 3)
    for centre, turn, strength in zip(centres_yx, turns, strengths, strict=True):
        pixel = np.rint(centre).astype(int)
        yx = centre - pixel + diameter_px * (particle.points @ turn.T[:, :2])[:, ::-1]
        add_image(canvas, strength * splat(yx + side // 2, mass, side), pixel)
    return canvas


def splat(yx: NDArray[np.float64], mass: NDArray[np.float64], side: int) -> Image:
    """(side, side) image of (n,) masses at (n, 2) positions, each shared by its four pixels."""
    low = np.floor(yx).astype(int)
    part = yx - low
    corner = low[:, 0] * side + low[:, 1]
    image = np.zeros(side**2)
    for down in (0, 1):
        for right in (0, 1):
            share = np.abs(1 - down - part[:, 0]) * np.abs(1 - right - part[:, 1])
            image += np.bincount(corner + down * side + right, share * mass, side**2)
    return image.reshape(side, side).astype(np.float32)


def record(
    particles: Image,
    others: Image,
    transmission: Image,
    centres_yx: NDArray[np.float64],
    pixel_size: float,
    rng: np.random.Generator,
) -> Image:
    """The recorded image: contrast transfer, ice, shot noise, and what is done to pictures."""
    optics = Optics(
        pixel_size=pixel_size,
        voltage_kv=float(rng.choice([120.0, 200.0, 300.0])),
        spherical_aberration_mm=float(rng.uniform(0.5, 2.7)),
        amplitude_contrast=float(rng.uniform(0.05, 0.2)),
        b_factor=float(rng.uniform(0.0, 600.0)),
    )
    frequency = frequency_grid(particles.shape, pixel_size)
    defocus = float(np.exp(rng.uniform(np.log(5e3), np.log(4e4))))
    response = contrast_transfer(frequency, optics, defocus).astype(np.float32)
    if rng.random() < 0.12:  # stain, a phase plate, or a picture made flat by software
        response = np.full_like(response, -1.0)
    bead = rng.uniform(0.3, 0.8) * max(1.0, 5.0 / pixel_size)  # px
    response *= np.exp(-2 * (np.pi * bead * pixel_size * frequency) ** 2)
    signal, clutter = (
        fft.irfft2(fft.rfft2(phase) * response, s=phase.shape) for phase in (particles, others)
    )
    snr = np.exp(rng.uniform(np.log(0.03), np.log(3.0)))
    gain = np.sqrt(snr / (variance_in_boxes(signal, centres_yx) or 1.0))
    noise = _noise(particles.shape, response, pixel_size, rng)
    bright = rng.uniform(6.0, 20.0)  # the beam, in standard deviations of the noise
    image = transmission * np.maximum(bright + gain * (signal + clutter) + noise, 0.0)
    return _processed(image.astype(np.float32), rng)


def variance_in_boxes(signal: Image, centres_yx: NDArray[np.float64]) -> float:
    """The mean variance of a signal in the boxes around these centres; 0 if there are none."""
    if not len(centres_yx):
        return 0.0
    mean, square = (ndimage.uniform_filter(image, BOX_PX) for image in (signal, signal**2))
    rows, cols = np.rint(centres_yx).astype(int).T
    return float(np.mean((square - mean**2)[rows, cols]))


def _noise(
    shape: tuple[int, ...], response: Image, pixel_size: float, rng: np.random.Generator
) -> Image:
    """Noise of variance 1: shot noise, ice seen through the optics, and slow unevenness."""
    white, ice, slow = (rng.standard_normal(shape, dtype=np.float32) for _ in range(3))
    shares = rng.dirichlet([2.0, 1.2, 0.15])
    frequency = frequency_grid(shape, 1.0)  # 1/px
    shot = fft.rfft2(white) / (1.0 + (1.0 / rng.uniform(0.3, 1.0) - 1.0) * (2 * frequency) ** 2)
    structure = fft.rfft2(ice) * response
    length = BOX_PX * rng.uniform(0.15, 1.0)
    uneven = fft.rfft2(slow) / (1.0 + (length * frequency) ** 2) ** rng.uniform(0.7, 1.5)
    total = np.zeros(shape, dtype=np.float32)
    for spectrum, share in zip((shot, structure, uneven), shares, strict=True):
        part = fft.irfft2(spectrum, s=shape)
        total += np.sqrt(share) * (part - part.mean()) / part.std()
    return total


def _processed(image: Image, rng: np.random.Generator) -> Image:
    """The image as programs leave it: low-passed, sharpened, denoised, or as it was."""
    kind = rng.random()
    if kind < 0.45:
        return image
    if kind < 0.8:
        return ndimage.gaussian_filter(image, np.exp(rng.uniform(np.log(0.4), np.log(3.5))))
    if kind < 0.9:
        fine = ndimage.gaussian_filter(image, rng.uniform(0.4, 2.0))
        return fine - rng.uniform(0.3, 1.0) * ndimage.gaussian_filter(image, BOX_PX / 2)
    small = int(rng.integers(2, 4))
    return np.asarray(ndimage.median_filter(image, small))


def as_stored(image: Image, rng: np.random.Generator) -> Image:
    """The image as files hold it: hot pixels, few grey values, contrast cut off."""
    stored = image.copy()
    for _ in range(int(rng.integers(0, 12)) * (rng.random() < 0.3)):
        row, col = rng.integers(0, SIDE_PX, 2)
        stored[row, col] = image.max() * rng.uniform(1.0, 3.0)
    if rng.random() < 0.3:
        low, high = np.quantile(image, [rng.uniform(0.0, 0.02), 1 - rng.uniform(0.0, 0.02)])
        stored = np.rint(255 * np.clip((stored - low) / (high - low), 0.0, 1.0))
    return stored.astype(np.float32)
