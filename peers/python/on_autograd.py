"""HIPS autograd, over numpy: gradient, primal, jvp, Jacobian, vjp, Hessian-vector."""

from importlib.metadata import version

import autograd.numpy as np
from autograd import make_hvp, make_jvp, make_vjp, value_and_grad

from job import NOTHING, Prepared, Refused, flat, timed

VERSION = version("autograd")


def prepare(job, numbers):
    layers, dots, x, target = numbers.layers, numbers.dots, numbers.x, numbers.target
    relu = job["activation"] == "relu"

    def outputs(layers, x):
        h = x
        for i, (weights, biases) in enumerate(layers):
            if i:
                h = np.maximum(h, 0) if relu else np.tanh(h)
            h = np.dot(h, weights) + biases
        return h

    def loss(layers):
        z = outputs(layers, x)
        if job["loss"] == "softmax-cross-entropy":
            shifted = z - np.max(z, axis=1, keepdims=True)
            log_sum = np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
            return -np.sum(target * (shifted - log_sum))
        return np.sum((z - target) ** 2)

    if job["task"] == "gradient":
        call = value_and_grad(loss)
        value, gradient = call(layers)
        return Prepared(float(value), flat(gradient), "value_and_grad", timed(lambda: call(layers)))
    if job["task"] == "primal":
        return Prepared(float(loss(layers)), NOTHING, "numpy", timed(lambda: loss(layers)))
    if job["task"] == "jvp":
        call = lambda: make_jvp(loss)(layers)(dots)
        value, dot = call()
        return Prepared(float(value), np.asarray([dot]), "make_jvp", timed(call))
    if job["task"] == "jacobian":
        n_out = job["widths"][-1]
        units = [np.tile(row, (job["batch"], 1)) for row in np.eye(n_out, dtype=x.dtype)]

        def jacobian():
            pull, _ = make_vjp(lambda x: outputs(layers, x))(x)
            return np.stack([pull(unit) for unit in units], axis=1)

        return Prepared(0.0, jacobian().ravel(), "make_vjp, an output at once", timed(jacobian))
    if job["task"] == "vjp":
        call = lambda: make_vjp(lambda layers: outputs(layers, x))(layers)[0](numbers.y_bar)
        return Prepared(0.0, flat(call()), "make_vjp", timed(call))
    if job["task"] == "hessian-vector":
        call = lambda: make_hvp(loss)(layers)[0](dots)
        return Prepared(0.0, flat(call()), "make_hvp", timed(call))
    raise Refused(f"offers no {job['task']}")
