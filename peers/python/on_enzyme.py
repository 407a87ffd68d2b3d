"""Enzyme below JAX: the same functions, differentiated by Enzyme in MLIR instead of by JAX. Gradient, primal, jvp, vjp."""

from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from enzyme_ad.jax import enzyme_jax_ir

from jax_net import forms
from job import NOTHING, Prepared, Refused, fastest, timed
from on_jax import compiled

VERSION = version("enzyme-ad")


def prepare(job, numbers):
    found, x, target = forms(job, numbers)
    y_bar = jnp.asarray(numbers.y_bar)

    def along(loss):
        return lambda params, dots, x, target: jax.jvp(lambda w: loss(w, x, target), (params,), (dots,))

    def pulled(last):
        return lambda params, x, y_bar: jax.vjp(lambda w: last(w, x), params)[1](y_bar)[0]

    by_enzyme = enzyme_jax_ir()
    of = {
        "gradient": lambda form: compiled(jax.value_and_grad(by_enzyme(form.loss)), form.params, x, target),
        "primal": lambda form: compiled(by_enzyme(form.loss), form.params, x, target),
        "jvp": lambda form: compiled(along(by_enzyme(form.loss)), form.params, form.dots, x, target),
        "vjp": lambda form: compiled(pulled(by_enzyme(form.last)), form.params, x, y_bar),
    }.get(job["task"])
    if of is None:
        raise Refused(f"offers no {job['task']}")
    # A loop over stacked layers stays JAX's: what is handed to Enzyme has no loops.
    name, call = fastest({form.name: of(form) for form in found if form.name != "stacked layers"})
    form = next(form for form in found if form.name == name)
    value, result = {
        "gradient": lambda r: (r[0], form.flat(r[1])),
        "primal": lambda r: (r, NOTHING),
        "jvp": lambda r: (r[0], np.asarray([r[1]])),
        "vjp": lambda r: (0.0, form.flat(r)),
    }[job["task"]](call())
    return Prepared(float(value), result, f"jit(enzyme_jax_ir), parameters as {name}", timed(call))
