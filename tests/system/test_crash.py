"""The crash test (tests/crash), as long as it fits into a check; `./dev crash` runs more of it.

AW_CRASH_ROUNDS is how many rounds; AW_CRASH_SEED repeats what a failure tells.
"""

import os
import subprocess

import pytest

from awaitd import DEADLINE, SANITIZED, SOURCE

ROUNDS = os.environ.get("AW_CRASH_ROUNDS", "30" if SANITIZED else "50")
# For many more rounds than these.
LIMIT_S = 10 * DEADLINE + 10 * int(ROUNDS)


@pytest.mark.slow
def test_what_was_promised_is_kept_whatever_is_killed():
    command = ["/usr/bin/python3", str(SOURCE / "tests/crash/crash.py"), ROUNDS]
    if "AW_CRASH_SEED" in os.environ:
        command += ["--seed", os.environ["AW_CRASH_SEED"]]
    result = subprocess.run(command, capture_output=True, text=True, errors="backslashreplace",
                            timeout=LIMIT_S, check=False)
    print(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr
