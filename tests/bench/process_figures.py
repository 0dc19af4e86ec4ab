"""What the kernel knows of a process."""

import os
import threading


def pss_bytes(pid):
    """Its memory, with what it shares divided among those who share it; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def wake_ups(pid):
    """How often its threads have gone to sleep of their own will, and so were woken."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("voluntary_ctxt_switches:"):
                    total += int(line.split()[1])
    return total


def cpu_seconds(pids):
    """The processor time that the processes have taken together, so far."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            after_name = file.read().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])  # utime and stime
    return ticks / os.sysconf("SC_CLK_TCK")


class PeakMemory:
    """Samples the memory of all the processes together, each half second, while the block runs."""

    def __init__(self, pids):
        self.pids = pids
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def _sample(self):
        while not self._over.wait(0.5):
            self.bytes = max(self.bytes, sum(map(pss_bytes, self.pids)))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
