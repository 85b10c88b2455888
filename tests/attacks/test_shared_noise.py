"""Attack: make two processes draw the same noise, and subtract their answers.

The probe runs in a process of its own, draws once so that any generator is warm,
then forks: children that inherited generator state would repeat one another.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROBE = """
import os
from fractions import Fraction
from privacy import mechanism
from privacy.mechanism import Tally

noise = mechanism.calibrate(l2_squared=10**6, rho=Fraction(1, 50), size=8)
tally = Tally([0] * 8)
mechanism.release(noise, tally)
children = []
for _ in range(4):
    if not (child := os.fork()):
        line = f"{mechanism.release(noise, tally).values}\\n"
        os.write(1, line.encode())
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
os.write(1, f"{mechanism.release(noise, tally).values}\\n".encode())
"""


def test_forked_processes_do_not_share_noise() -> None:
    # Scale 5,000 in 8 cells: two vectors agree by chance with probability below
    # 1e-33.
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    vectors = done.stdout.splitlines()
    assert len(vectors) == 5
    assert len(set(vectors)) == 5
