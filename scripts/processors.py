"""Runs the numeric tests as other processors would: with other instructions, other libraries' paths, other threads.

    make processors ARGS='tests/trainer/test_parity.py'

PyTorch, MKL and oneDNN each choose among several versions of a kernel by what the processor can do, and each version
rounds differently. A verdict that depends on which one ran is a fault of the test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Final

SETTINGS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"ATEN_CPU_CAPABILITY": "default"},
    {"ATEN_CPU_CAPABILITY": "avx2"},
    {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    {"MKL_CBWR": "COMPATIBLE"},
    {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    {"ONEDNN_MAX_CPU_ISA": "AVX2"},
)
THREADS: Final = (1, 2)
NUMERIC: Final = ("tests/trainer", "tests/evidence", "--ignore=tests/trainer/worker")
THREADS_OF_TESTS: Final = "DROPOUT_LAB_TEST_THREADS"


def main(tests: list[str]) -> int:
    """Run the tests under every setting, print a line for each, and say how many failed.

    Args:
        tests: arguments of pytest; all numeric tests if there are none.
    """
    failed = 0
    for setting in SETTINGS:
        for threads in THREADS:
            begun = time.monotonic()
            environment = {**os.environ, **setting, "OMP_NUM_THREADS": str(threads), THREADS_OF_TESTS: str(threads)}
            command = [sys.executable, "-m", "pytest", "-q", "--no-header", *(tests or NUMERIC)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            name = " ".join(f"{key}={value}" for key, value in setting.items()) or "as it is"
            last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()[-200:]
            print(f"{name:38} {threads} thread{'s' if threads > 1 else ' '}  {last}", flush=True)
            print(f"{'':50} {time.monotonic() - begun:.0f} s", flush=True)
            if done.returncode:
                failed += 1
                print(done.stdout, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
