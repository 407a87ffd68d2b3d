"""TensorFlow, a `tf.function` a call: gradient, primal, jvp, Jacobian. With or without XLA, whichever is faster."""

import os

import numpy as np
import tensorflow as tf

from job import NOTHING, Prepared, Refused, fastest, flat, timed

VERSION = tf.__version__

tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["PEERS_THREADS"]))
tf.config.threading.set_inter_op_parallelism_threads(1)


def prepare(job, numbers):
    task = job["task"]
    constant = lambda layers: [(tf.constant(w), tf.constant(b)) for w, b in layers]
    layers, dots = constant(numbers.layers), constant(numbers.dots)
    x, target = tf.constant(numbers.x), tf.constant(numbers.target)
    activate = tf.nn.relu if job["activation"] == "relu" else tf.tanh

    def outputs(layers, x):
        h = x
        for i, (weights, biases) in enumerate(layers):
            h = tf.nn.bias_add(tf.matmul(activate(h) if i else h, weights), biases)
        return h

    def loss(layers, x, target):
        z = outputs(layers, x)
        if job["loss"] == "softmax-cross-entropy":
            return tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(target, z))
        return tf.reduce_sum(tf.math.squared_difference(z, target))

    def gradient(layers, x, target):
        parts = [part for layer in layers for part in layer]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parts)
            value = loss(layers, x, target)
        return value, tape.gradient(value, parts)

    def along(layers, dots, x, target):
        parts = lambda layers: [part for layer in layers for part in layer]
        with tf.autodiff.ForwardAccumulator(parts(layers), parts(dots)) as accumulator:
            value = loss(layers, x, target)
        return value, accumulator.jvp(value)

    def jacobian(layers, x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            z = outputs(layers, x)
        return tape.batch_jacobian(z, x)

    function, arguments, result = {
        "gradient": (gradient, (layers, x, target), lambda r: (float(r[0]), flat([r[1]]))),
        "primal": (loss, (layers, x, target), lambda r: (float(r), NOTHING)),
        "jvp": (along, (layers, dots, x, target), lambda r: (float(r[0]), np.asarray([float(r[1])]))),
        "jacobian": (jacobian, (layers, x), lambda r: (0.0, flat([[r]]))),
    }.get(task, (None, None, None))
    if function is None:
        raise Refused(f"offers no {task}")

    def compiled(xla):
        concrete = tf.function(function, jit_compile=xla).get_concrete_function(*arguments)
        inputs = tf.nest.flatten(arguments)
        call = lambda: concrete(*inputs)
        call()
        return call

    forms, faults = {}, []
    for name, xla in (("tf.function", False), ("tf.function, XLA", True)):
        try:
            forms[name] = compiled(xla)
        except tf.errors.OpError as fault:
            faults.append(fault)
    if not forms:
        raise faults[0]
    name, call = fastest(forms)
    value, derivatives = result(call())
    return Prepared(value, derivatives, name, timed(call))
