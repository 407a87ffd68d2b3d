"""PyTorch, eager: all tasks but the full gradient by forward mode."""

import os

import numpy as np
import torch
import torch.nn.functional as F

from job import NOTHING, Prepared, Refused, fastest, flat, timed

VERSION = torch.__version__

torch.set_num_threads(int(os.environ["PEERS_THREADS"]))
torch.set_num_interop_threads(1)


def tensors(layers):
    return [tuple(torch.tensor(part) for part in layer) for layer in layers]


def network(job, numbers):
    """outputs(layers, x): the last layer; loss(layers, x, target): summed over the batch, which is the job's unless given."""
    activate = torch.relu if job["activation"] == "relu" else torch.tanh
    x, target = torch.tensor(numbers.x), torch.tensor(numbers.target)

    def outputs(layers, x=x):
        h = x
        for i, (weights, biases) in enumerate(layers):
            h = torch.addmm(biases, activate(h) if i else h, weights)
        return h

    def loss(layers, x=x, target=target):
        z = outputs(layers, x)
        if job["loss"] == "softmax-cross-entropy":
            return F.cross_entropy(z, target, reduction="sum")
        return F.mse_loss(z, target, reduction="sum")

    return outputs, loss


def prepare(job, numbers):
    task = job["task"]
    outputs, loss = network(job, numbers)
    layers, dots = tensors(numbers.layers), tensors(numbers.dots)
    x, target, y_bar = (torch.tensor(part) for part in (numbers.x, numbers.target, numbers.y_bar))

    if task == "gradient":
        parts = [part.requires_grad_() for layer in layers for part in layer]

        def call():
            value = loss(layers)
            return value, torch.autograd.grad(value, parts)

        value, gradient = call()
        return Prepared(value.item(), flat([[g.numpy() for g in gradient]]), "autograd.grad", timed(call))
    if task == "primal":
        call = torch.inference_mode()(lambda: loss(layers))
        return Prepared(call().item(), NOTHING, "inference_mode", timed(call))
    if task == "jvp":
        call = lambda: torch.func.jvp(loss, (layers,), (dots,))
        value, dot = call()
        return Prepared(value.item(), [dot.item()], "func.jvp", timed(call))
    if task == "jacobian":
        units = torch.eye(job["widths"][-1], dtype=x.dtype)

        def call():
            z, pull = torch.func.vjp(lambda x: outputs(layers, x), x)
            rows = units[:, None, :].expand(-1, *z.shape)
            return torch.func.vmap(pull)(rows)[0]

        # An output, then a sample; the others have a sample first.
        return Prepared(0.0, call().transpose(0, 1).numpy().ravel(), "vmap(vjp)", timed(call))
    if task == "vjp":
        parts = [part.requires_grad_() for layer in layers for part in layer]
        call = lambda: torch.autograd.grad(outputs(layers), parts, y_bar)
        return Prepared(0.0, flat([[g.numpy() for g in call()]]), "autograd.grad", timed(call))
    if task == "sample-gradients":
        one = lambda layers, x, target: loss(layers, x[None], target[None])
        each = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0, 0))
        call = lambda: each(layers, x, target)
        parts = [part.double().numpy() for layer in call() for part in layer]
        result = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1).ravel()
        return Prepared(0.0, result, "vmap(grad)", timed(call))
    if task == "hessian-vector":
        forms = {
            "func.jvp(func.grad)": lambda: torch.func.jvp(torch.func.grad(loss), (layers,), (dots,))[1],
            "autograd.grad twice": vhp(loss, layers, dots),
        }
        name, call = fastest(forms)
        product = call()
        return Prepared(0.0, flat([[part.numpy() for part in layer] for layer in product]), name, timed(call))
    raise Refused(f"offers no {task}")


def vhp(loss, layers, dots):
    """Reverse over reverse: the Hessian is symmetric."""
    parts = [part.clone().requires_grad_() for layer in layers for part in layer]
    pairs = list(zip(parts[::2], parts[1::2]))
    along = [part for layer in dots for part in layer]

    def call():
        slopes = torch.autograd.grad(loss(pairs), parts, create_graph=True)
        products = torch.autograd.grad(slopes, parts, along, materialize_grads=True)
        return list(zip(products[::2], products[1::2]))

    return call
