"""The matrix products of a gradient, written by hand: a library of products alone, without what is between them."""

from job import Prepared, Refused, flat, timed


def prepare(job, numbers, library):
    """library: `name`, `array(numbers)`, `product(a, b, out)`, and `xp`, which has the functions of numpy.

    The gradient is computed whole once, so that it can be compared; what is timed are its products into buffers that are there.
    """
    if job["task"] != "gradient":
        raise Refused(f"offers no {job['task']}")
    relu, xp = job["activation"] == "relu", library.xp
    weights = [library.array(part) for part, _ in numbers.layers]
    biases = [library.array(part) for _, part in numbers.layers]
    target, inputs = library.array(numbers.target), [library.array(numbers.x)]
    for i, (w, b) in enumerate(zip(weights, biases)):
        z = inputs[-1] @ w + b
        if i + 1 < len(weights):
            inputs.append(xp.where(z > 0, z, 0 * z) if relu else xp.tanh(z))
    if job["loss"] == "softmax-cross-entropy":
        shares = xp.exp(z - z.max())
        shares = shares / shares.sum(1)[:, None]
        value, bar = -(target * xp.log(shares)).sum(), shares - target
    else:
        value, bar = ((z - target) ** 2).sum(), 2 * (z - target)
    gradient, calls, last = [], [], bar
    for i in reversed(range(len(weights))):
        h, w = inputs[i], weights[i]
        gradient.insert(0, [h.T @ bar, bar.sum(0)])
        calls.append((h.T, bar, xp.empty_like(w)))
        if i > 0:
            calls.append((bar, w.T, xp.empty_like(h)))
            bar = (bar @ w.T) * ((h > 0) if relu else 1 - h * h)
    calls.extend((h, w, xp.empty_like(out)) for h, w, out in zip(inputs, weights, [*inputs[1:], last]))

    def products():
        for a, b, out in calls:
            library.product(a, b, out)

    return Prepared(float(value), flat(gradient), f"{library.name}'s products alone", timed(products))
