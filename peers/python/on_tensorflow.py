"""TensorFlow, a `tf.function` a call: all tasks but the full gradient by forward mode. With or without XLA, whichever is faster.

Parameters are variables and samples are captured: a call without arguments is the one with the least overhead, some
0.2 ms less than one that is handed the arrays, and 2 ms less than a concrete function's.
"""

import os

import numpy as np
import tensorflow as tf

from job import NOTHING, Prepared, Refused, fastest, flat, timed

VERSION = tf.__version__

tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["PEERS_THREADS"]))
tf.config.threading.set_inter_op_parallelism_threads(1)


def prepare(job, numbers):
    parts = [tf.Variable(part) for layer in numbers.layers for part in layer]
    dots = [tf.constant(part) for layer in numbers.dots for part in layer]
    x, target, y_bar = (tf.constant(part) for part in (numbers.x, numbers.target, numbers.y_bar))
    activate = tf.nn.relu if job["activation"] == "relu" else tf.tanh

    def outputs():
        h = x
        for i, (weights, biases) in enumerate(zip(parts[::2], parts[1::2])):
            h = tf.nn.bias_add(tf.matmul(activate(h) if i else h, weights), biases)
        return h

    def losses():
        z = outputs()
        if job["loss"] == "softmax-cross-entropy":
            return tf.nn.softmax_cross_entropy_with_logits(target, z)
        return tf.reduce_sum(tf.math.squared_difference(z, target), axis=1)

    def loss():
        return tf.reduce_sum(losses())

    def gradient():
        with tf.GradientTape() as tape:
            value = loss()
        return value, tape.gradient(value, parts)

    def along():
        with tf.autodiff.ForwardAccumulator(parts, dots) as accumulator:
            value = loss()
        return value, accumulator.jvp(value)

    def jacobian():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            z = outputs()
        return tape.batch_jacobian(z, x)

    def vjp():
        with tf.GradientTape() as tape:
            z = outputs()
        return tape.gradient(z, parts, output_gradients=y_bar)

    def sample_gradients():
        with tf.GradientTape() as tape:
            each = losses()
        return tape.jacobian(each, parts)

    def hessian_vector():
        with tf.autodiff.ForwardAccumulator(parts, dots) as accumulator:
            with tf.GradientTape() as tape:
                value = loss()
            slopes = tape.gradient(value, parts)
        return accumulator.jvp(slopes)

    def of_samples(found):
        batch = len(numbers.x)
        return np.concatenate([part.numpy().astype(np.float64).reshape(batch, -1) for part in found], axis=1).ravel()

    function, result = {
        "gradient": (gradient, lambda r: (float(r[0]), flat([r[1]]))),
        "primal": (loss, lambda r: (float(r), NOTHING)),
        "jvp": (along, lambda r: (float(r[0]), np.asarray([float(r[1])]))),
        "jacobian": (jacobian, lambda r: (0.0, flat([[r]]))),
        "vjp": (vjp, lambda r: (0.0, flat([r]))),
        "sample-gradients": (sample_gradients, lambda r: (0.0, of_samples(r))),
        "hessian-vector": (hessian_vector, lambda r: (0.0, flat([r]))),
    }.get(job["task"], (None, None))
    if function is None:
        raise Refused(f"offers no {job['task']}")

    forms, faults = {}, []
    for name, xla in (("tf.function", False), ("tf.function, XLA", True)):
        call = tf.function(function, jit_compile=xla)
        try:
            call()
            forms[name] = call
        # Besides its own errors, those of operations that one of the two cannot compile.
        except (tf.errors.OpError, ValueError, LookupError) as fault:
            faults.append(fault)
    if not forms:
        raise faults[0]
    name, call = fastest(forms)
    value, derivatives = result(call())
    return Prepared(value, derivatives, name, timed(call))
