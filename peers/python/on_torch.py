"""PyTorch, eager: gradient, primal, jvp, Jacobian."""

import os

import torch
import torch.nn.functional as F

from job import NOTHING, Prepared, Refused, flat, timed

VERSION = torch.__version__

torch.set_num_threads(int(os.environ["PEERS_THREADS"]))
torch.set_num_interop_threads(1)


def prepare(job, numbers):
    task = job["task"]
    tensors = lambda layers: [tuple(torch.tensor(part) for part in layer) for layer in layers]
    layers, dots = tensors(numbers.layers), tensors(numbers.dots)
    x, target = torch.tensor(numbers.x), torch.tensor(numbers.target)
    activate = torch.relu if job["activation"] == "relu" else torch.tanh

    def outputs(layers, x):
        h = x
        for i, (weights, biases) in enumerate(layers):
            h = torch.addmm(biases, activate(h) if i else h, weights)
        return h

    def loss(layers):
        z = outputs(layers, x)
        if job["loss"] == "softmax-cross-entropy":
            return F.cross_entropy(z, target, reduction="sum")
        return F.mse_loss(z, target, reduction="sum")

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
    raise Refused(f"offers no {task}")
