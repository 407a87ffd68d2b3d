"""JAX inside a compiled loop: what a training loop written as one `lax.scan` pays for a gradient.

Each step's parameters depend on the step before, so that nothing can be computed once for all steps; the update is part
of the time.
"""

import time

import jax

from jax_net import forms
from job import Prepared, Refused, fastest

VERSION = jax.__version__

# So small that the loss stays the same to rounding, and not zero, which would be optimised away.
RATE = 1e-14

# Steps of one compiled loop last about this long, and are at least this many.
SECONDS = 2e-3
FEWEST = 8
MOST = 1 << 14


def prepare(job, numbers):
    if job["task"] != "gradient":
        raise Refused(f"offers no {job['task']}")
    found, x, target = forms(job, numbers)

    def loop(form, steps):
        def step(params, _):
            value, slope = form.gradient(params, x, target)
            return jax.tree.map(lambda w, g: w - RATE * g, params, slope), value

        function = jax.jit(lambda params: jax.lax.scan(step, params, length=steps))
        function = function.lower(form.params).compile()
        return lambda: jax.block_until_ready(function(form.params))

    steps = FEWEST
    name, call = fastest({form.name: loop(form, steps) for form in found})
    form = next(form for form in found if form.name == name)
    call()
    since = time.perf_counter()
    call()
    lasts = time.perf_counter() - since
    if lasts < SECONDS:
        steps = min(MOST, max(FEWEST, int(FEWEST * SECONDS / lasts)))
        call = loop(form, steps)
    # The loop's first loss, and the gradient by the very function that the loop calls.
    value = float(call()[1][0])
    _, gradient = jax.jit(form.gradient)(form.params, x, target)

    def run(repeats):
        loops = -(-repeats // steps)
        since = time.perf_counter()
        for _ in range(loops):
            call()
        return (time.perf_counter() - since) / (loops * steps)

    return Prepared(value, form.flat(gradient), f"lax.scan of {steps} steps, parameters as {name}", run)
