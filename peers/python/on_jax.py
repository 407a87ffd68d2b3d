"""JAX, a compiled function a call: every task."""

import jax
import jax.numpy as jnp
import numpy as np

from jax_net import forms
from job import NOTHING, Prepared, Refused, fastest, timed

VERSION = jax.__version__

# Directions that are pushed at once in a full gradient by forward mode; the fastest is taken.
CHUNKS = (32, 128, 512)


def compiled(function, *arguments):
    """A call of no arguments that returns when the result is there."""
    function = jax.jit(function).lower(*arguments).compile()
    return lambda: jax.block_until_ready(function(*arguments))


def prepare(job, numbers):
    found, x, target = forms(job, numbers)
    if job["task"] == "forward-gradient":
        return forward_gradient(found, x, target)
    if job["task"] == "jacobian":
        return jacobian(found, x)

    if job["task"] == "sample-gradients":
        return sample_gradients(found, x, target)
    if job["task"] == "vjp":
        return vjp(found, x, jnp.asarray(numbers.y_bar))

    def along(form):
        return lambda params, dots, x, target: jax.jvp(lambda w: form.loss(w, x, target), (params,), (dots,))

    def curved(form):
        slope = jax.grad(form.loss)
        return lambda params, dots, x, target: jax.jvp(lambda w: slope(w, x, target), (params,), (dots,))[1]

    of = {
        "gradient": lambda form: compiled(form.gradient, form.params, x, target),
        "primal": lambda form: compiled(form.loss, form.params, x, target),
        "jvp": lambda form: compiled(along(form), form.params, form.dots, x, target),
        "hessian-vector": lambda form: compiled(curved(form), form.params, form.dots, x, target),
    }.get(job["task"])
    if of is None:
        raise Refused(f"offers no {job['task']}")
    name, call = fastest({form.name: of(form) for form in found})
    form = next(form for form in found if form.name == name)
    value, result = {
        "gradient": lambda r: (r[0], form.flat(r[1])),
        "primal": lambda r: (r, NOTHING),
        "jvp": lambda r: (r[0], np.asarray([r[1]])),
        "hessian-vector": lambda r: (0.0, form.flat(r)),
    }[job["task"]](call())
    return Prepared(float(value), result, f"jit, parameters as {name}", timed(call))


def jacobian(found, x):
    """By rows or by columns, whichever is faster."""
    calls = {}
    for form in found:
        for mode in (jax.jacrev, jax.jacfwd):
            of_samples = jax.vmap(mode(form.last, argnums=1), in_axes=(None, 0))
            calls[f"jit(vmap({mode.__name__})), parameters as {form.name}"] = compiled(of_samples, form.params, x)
    name, call = fastest(calls)
    return Prepared(0.0, np.asarray(call(), dtype=np.float64).ravel(), name, timed(call))


def vjp(found, x, y_bar):
    """One cotangent of the last layer, pulled back to the parameters."""

    def pulled(form):
        return lambda params, x, y_bar: jax.vjp(lambda w: form.last(w, x), params)[1](y_bar)[0]

    name, call = fastest({form.name: compiled(pulled(form), form.params, x, y_bar) for form in found})
    form = next(form for form in found if form.name == name)
    return Prepared(0.0, form.flat(call()), f"jit(vjp), parameters as {name}", timed(call))


def sample_gradients(found, x, target):
    """The gradient of each sample's loss by itself."""

    def each(form):
        one = lambda params, x, target: form.loss(params, x[None], target[None])
        return jax.vmap(jax.grad(one), in_axes=(None, 0, 0))

    # Stacked layers would be told apart sample by sample: the other forms are those of their users.
    found = [form for form in found if form.name != "stacked layers"]
    name, call = fastest({form.name: compiled(each(form), form.params, x, target) for form in found})
    gradients = call()
    if name == "one vector":
        result = np.asarray(gradients, dtype=np.float64).ravel()
    else:
        parts = [np.asarray(part, dtype=np.float64) for layer in gradients for part in layer]
        result = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1).ravel()
    return Prepared(0.0, result, f"jit(vmap(grad)), parameters as {name}", timed(call))


def forward_gradient(found, x, target):
    """jvp along every unit vector, a chunk at once by vmap, the chunks after each other inside the compiled function."""
    form = next(form for form in found if form.name == "one vector")
    n_params = form.params.size

    def gradient(chunk):
        def value_and_gradient(params, x, target):
            def along(k):
                unit = jnp.zeros_like(params).at[k].set(1)
                return jax.jvp(lambda w: form.loss(w, x, target), (params,), (unit,))[1]

            return form.loss(params, x, target), jax.lax.map(along, jnp.arange(n_params), batch_size=chunk)

        return compiled(value_and_gradient, form.params, x, target)

    chunks = sorted({min(chunk, n_params) for chunk in CHUNKS})
    name, call = fastest({f"jit(map(vmap(jvp))), {chunk} at once": gradient(chunk) for chunk in chunks})
    value, result = call()
    return Prepared(float(value), np.asarray(result, dtype=np.float64), name, timed(call))
