"""A daemon with the names of resolver.c instead of the system's."""

import os
import subprocess

import pytest

from awaitd import SANITIZED, SOURCE


class Resolver:

    def __init__(self, start_daemon, folder, **config):
        if SANITIZED:
            pytest.skip("a sanitizer's runtime wants to be preloaded first")
        library, self._asked, self._answers = (folder / name for name in ("r.so", "q", "a"))
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC",
                        str(SOURCE / "tests/system/resolver.c"), "-o", str(library), "-ldl"],
                       check=True)
        os.mkfifo(self._asked)
        os.mkfifo(self._answers)
        env = {"LD_PRELOAD": str(library), "RESOLVER_ASKED": str(self._asked),
               "RESOLVER_ANSWERS": str(self._answers)}
        self.daemon = start_daemon(env=env, config={"daemon": {"workers": 1}, **config})

    def wait_asked(self):
        self._asked.open("rb").close()

    def answer(self):
        self._answers.open("wb").close()
