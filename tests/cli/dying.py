"""The command line, in a process that kills itself: ``torchrun -m tests.cli.dying STEP fit ...``.

The second process dies in the given step of training, unless torchrun started it anew.
"""

import os
import signal
import sys

import torch

from leafcode.cli import main


def die_in(call):
    """Kill this process instead of the given call of the optimiser."""
    step, calls = torch.optim.AdamW.step, []

    def counted(*arguments):
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments)

    torch.optim.AdamW.step = counted


if __name__ == "__main__":
    if os.environ["RANK"] == "1" and os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0":
        die_in(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
