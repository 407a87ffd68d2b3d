"""A job as the libraries see it."""

import os
import time
from dataclasses import dataclass

import numpy as np


class Refused(Exception):
    """A job that the library does not do, and why."""


@dataclass
class Numbers:
    """The network's numbers as arrays of the job's precision.

    layers: (weights: n_in x n_out, biases: n_out) a layer, and `dots` the same for the direction;
    x: batch x inputs; target and y_bar, a cotangent of the last layer: batch x outputs.
    """

    layers: list
    dots: list
    x: np.ndarray
    target: np.ndarray
    y_bar: np.ndarray

    @staticmethod
    def read(job):
        dtype = {"f32": np.float32, "f64": np.float64}[job["dtype"]]

        def numbers(name):
            return np.fromfile(os.path.join(job["directory"], name), dtype="<f8").astype(dtype)

        batch = job["batch"]
        return Numbers(
            layers=layers(numbers("params"), job["widths"]),
            dots=layers(numbers("params_dot"), job["widths"]),
            x=numbers("x").reshape(batch, -1),
            target=numbers("target").reshape(batch, -1),
            y_bar=numbers("y_bar").reshape(batch, -1),
        )


def layers(flat, widths):
    """A flat vector of parameters as (weights, biases) a layer."""
    found, at = [], 0
    for n_in, n_out in zip(widths, widths[1:]):
        weights = flat[at : at + n_in * n_out].reshape(n_in, n_out)
        at += n_in * n_out
        found.append((weights, flat[at : at + n_out]))
        at += n_out
    return found


def flat(of_layers):
    """The inverse: one vector of float64."""
    parts = [np.asarray(part, dtype=np.float64).ravel() for layer in of_layers for part in layer]
    return np.concatenate(parts)


@dataclass
class Prepared:
    """A job that can be timed: its loss and derivatives, how it is computed in words, and `run(repeats)`, which returns
    the seconds of one run."""

    value: float
    result: np.ndarray
    form: str
    run: object
    short: bool = True


NOTHING = np.zeros(0)


def timed(call):
    """`run` for a function of no arguments that returns when its result is there."""

    def run(repeats):
        since = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - since) / repeats

    return run


def fastest(forms, seconds=0.02):
    """The name and call of the fastest of `forms`, a dictionary from names to calls that are compiled by now."""
    if len(forms) == 1:
        return next(iter(forms.items()))

    def best(call):
        run = timed(call)
        once = run(1)
        return min(run(max(1, int(seconds / once))) for _ in range(3)) if once < 1.0 else once

    return min(forms.items(), key=lambda form: best(form[1]))
