"""PyTorch, a gradient compiled as a whole by `torch.compile`."""

import torch

import on_torch
from job import Prepared, Refused, flat, timed

VERSION = on_torch.VERSION


def prepare(job, numbers):
    layers, (_, loss) = on_torch.tensors(numbers.layers), on_torch.network(job, numbers)
    if job["task"] != "gradient":
        raise Refused(f"offers no {job['task']}")
    # What was compiled for another network counts against a limit of recompilations.
    torch._dynamo.reset()
    function = torch.compile(torch.func.grad_and_value(loss), fullgraph=True)
    call = lambda: function(layers)
    gradient, value = call()
    result = flat([[part.numpy() for part in layer] for layer in gradient])
    return Prepared(value.item(), result, "compile(grad_and_value)", timed(call))
