"""The worker's side of the protocol (../src/protocol.rs) for the libraries written in Python: `worker.py NAME`.

A library is a module with `VERSION` and `prepare(job, numbers)`, which returns a `Prepared` or raises `Refused`.
"""

import importlib
import json
import os
import sys
import time
import traceback

import numpy as np

from job import Numbers, Refused

MODULES = {
    "jax": "on_jax",
    "jax-scan": "on_jax_scan",
    "enzyme": "on_enzyme",
    "tensorflow": "on_tensorflow",
    "torch": "on_torch",
    "torch-compile": "on_torch_compile",
    "autograd": "on_autograd",
    "openblas": "on_openblas",
    "mkl": "on_mkl",
}

# A run shorter than this is preceded by one that is not timed: what ran before has taken the caches.
WARM_SECONDS = 0.1


def main():
    # Whatever a library prints goes to the log, not between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(answer):
        answers.write(json.dumps(answer) + "\n")

    try:
        library = importlib.import_module(MODULES[sys.argv[1]])
    except Exception as fault:
        traceback.print_exc()
        say(refused(fault))
        return
    say({"is": "ready", "version": library.VERSION})
    prepared = None
    for line in sys.stdin:
        ask = json.loads(line)
        if ask["do"] == "prepare":
            prepared = None
            try:
                prepared = prepare(library, ask)
                say({"is": "prepared", "value": prepared.value, "form": prepared.form})
            except Exception as fault:
                if not isinstance(fault, Refused):
                    traceback.print_exc()
                say(refused(fault))
        elif ask["do"] == "time" and prepared is not None:
            say({"is": "timed", "seconds": seconds(prepared, ask["repeats"])})
        elif ask["do"] == "forget":
            prepared = None
            say({"is": "forgotten"})
        else:
            say({"is": "refused", "why": "nothing is prepared"})


def prepare(library, job):
    """Prepares a job, writes its result, and runs it once more to see how long that takes."""
    prepared = library.prepare(job, Numbers.read(job))
    np.asarray(prepared.result, dtype="<f8").tofile(job["result"])
    prepared.result = None
    since = time.perf_counter()
    prepared.run(1)
    prepared.short = time.perf_counter() - since < WARM_SECONDS
    return prepared


def seconds(prepared, repeats):
    """Seconds of one run."""
    if prepared.short:
        prepared.run(1)
    return prepared.run(repeats)


def refused(fault):
    words = str(fault).strip().splitlines() or [type(fault).__name__]
    return {"is": "refused", "why": words[0] if isinstance(fault, Refused) else f"{type(fault).__name__}: {words[0]}"}


if __name__ == "__main__":
    main()
