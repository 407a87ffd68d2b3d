"""The network in JAX, in the forms that its parameters can have: which one is fastest depends on the network."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

import job as jobs

jax.config.update("jax_enable_x64", True)

# From so many layers of equal width on, a loop over them is one of the forms.
LAYERS_OF_A_LOOP = 10


@dataclass
class Form:
    """One form of the parameters, with the functions of it.

    last(params, x): the last layer; loss(params, x, target): summed over the batch;
    gradient(params, x, target): the loss and its gradient; flat(params): a vector in the files' order.
    """

    name: str
    params: object
    dots: object
    last: object
    loss: object
    gradient: object
    flat: object


def forms(job, numbers):
    """All forms that suit the network, and x and target, on JAX's side."""
    activate = jax.nn.relu if job["activation"] == "relu" else jnp.tanh
    layers, dots, x, target = (
        jax.tree.map(jnp.asarray, part) for part in (numbers.layers, numbers.dots, numbers.x, numbers.target)
    )

    def total(z, target):
        if job["loss"] == "softmax-cross-entropy":
            return -jnp.sum(target * jax.nn.log_softmax(z))
        return jnp.sum((z - target) ** 2)

    def form(name, last, pack, gradient=None):
        loss = lambda params, x, target: total(last(params, x), target)
        flat = lambda params: jobs.flat(unpack[name](params))
        return Form(name, pack(layers), pack(dots), last, loss, gradient or jax.value_and_grad(loss), flat)

    def listed(layers, x):
        h = x
        for i, (weights, biases) in enumerate(layers):
            h = (activate(h) if i else h) @ weights + biases
        return h

    def concatenated(layers):
        return jnp.concatenate([part.ravel() for layer in layers for part in layer])

    def cut(vector):
        return jobs.layers(vector, job["widths"])

    def gradient_of_vector(vector, x, target):
        # Slices first and one concatenation after: differentiated slices would be padded and added, one by one.
        value, gradient = jax.value_and_grad(lambda w: total(listed(w, x), target))(cut(vector))
        return value, concatenated(gradient)

    def looped(stacks, x):
        (first, firsts), (weights, biases) = stacks
        step = lambda h, layer: (activate(h) @ layer[0] + layer[1], None)
        return jax.lax.scan(step, x @ first + firsts, (weights, biases))[0]

    def stacked(layers):
        return layers[0], tuple(jnp.stack(parts) for parts in zip(*layers[1:]))

    unpack = {
        "arrays": lambda layers: layers,
        "one vector": cut,
        "stacked layers": lambda stacks: [stacks[0], *zip(*stacks[1])],
    }
    found = [form("arrays", listed, lambda layers: layers)]
    found.append(form("one vector", lambda vector, x: listed(cut(vector), x), concatenated, gradient_of_vector))
    if len(layers) >= LAYERS_OF_A_LOOP and len(set(job["widths"])) == 1:
        found.append(form("stacked layers", looped, stacked))
    return found, x, target
