"""Fixtures: daemons of one's own, each ended and looked after when its test is over."""

import pathlib
import resource
import shutil
import signal
import tempfile
import uuid

import pytest

import awaitd


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    awaitd.adopt_orphans()
    # Under nohup(1) it would be ignored by all that the tests start, too.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Thousands of connections need as many descriptors, here and in the daemon.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(autouse=True)
def state_directory(monkeypatch):
    """Where a daemon without a configuration keeps its state, should the test start one: nowhere else."""
    path = pathlib.Path(f"/tmp/aw-{uuid.uuid4().hex}")
    monkeypatch.setenv("STATE_DIRECTORY", str(path))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_daemon():
    """Makes daemons that are not yet started."""
    made = []

    def make(*args, **options):
        made.append(awaitd.Daemon(*args, **options))
        return made[-1]

    yield make
    try:
        for daemon in made:
            daemon.stop()
    finally:
        for daemon in made:
            daemon.clean_up()


@pytest.fixture
def start_daemon(make_daemon):
    """Starts daemons: start_daemon(config={...}, ...)."""

    def start(*args, **options):
        return make_daemon(*args, **options).start()

    return start


@pytest.fixture
def daemon(start_daemon):
    """A daemon with two workers and the installed plugins."""
    return start_daemon()


@pytest.fixture
def client(daemon):
    with daemon.client() as client:
        yield client


@pytest.fixture
def hostile():
    """Finds a plugin of tests/plugins by name."""

    def find(name):
        path = awaitd.HOSTILE_DIR / f"{name}.so"
        assert path.exists(), f"{path} is not there (AW_TEST_PLUGINS)"
        return str(path)

    return find


@pytest.fixture
def folder():
    """An empty directory with a short path that others may enter."""
    with tempfile.TemporaryDirectory(prefix="aw-", dir="/tmp") as path:
        path = pathlib.Path(path)
        path.chmod(0o755)
        yield path
