"""What plugins are built with elsewhere: awaitd.pc and awaitd.m4, as installed."""

import pathlib
import re
import subprocess

import pytest

from awaitd import PLUGIN_DIR, PREFIX, need, pkg_config_env, run_awaitd

HEADER = PREFIX / "include/awaitd/plugin.h"


def pkg_config(*args):
    result = subprocess.run(["pkg-config", *args, "awaitd"], env=pkg_config_env(), text=True,
                            capture_output=True, check=True)
    return result.stdout.strip()


def abi():
    """The version that the installed header defines."""
    text = HEADER.read_text(encoding="utf-8")
    return tuple(int(re.search(rf"^#define AW_ABI_{part} (\d+)$", text, re.MULTILINE)[1])
                 for part in ("MAJOR", "MINOR"))


def test_pkg_config_tells_the_abi_of_the_header():
    major, minor = abi()
    assert pkg_config("--variable=abi") == f"{major}.{minor}"
    assert pkg_config("--variable=abi_major") == str(major)
    assert pkg_config("--variable=abi_minor") == str(minor)


def test_pkg_config_tells_where_plugins_and_headers_are():
    assert pathlib.Path(pkg_config("--variable=plugindir")) == PLUGIN_DIR
    assert (PLUGIN_DIR / "wait.so").exists()
    assert pkg_config("--cflags-only-I") == f"-I{HEADER.parents[1]}"


def test_pkg_config_tells_the_version():
    assert run_awaitd("-V").stdout.split()[-1] == pkg_config("--modversion")


# ---- A project with autotools ----------------------------------------------------------------------

CONFIGURE_AC = """\
AC_INIT([hello], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AWAITD_PLUGIN({arguments})
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
"""

# As awaitd.m4 recommends.
MAKEFILE_AM = """\
AM_DISTCHECK_CONFIGURE_FLAGS = --with-awaitd-plugindir='$${libdir}/awaitd/plugins'

plugindir = $(AWAITD_PLUGINDIR)
plugin_PROGRAMS = hello.so
hello_so_SOURCES = hello.c
hello_so_CPPFLAGS = $(AWAITD_CFLAGS)
hello_so_CFLAGS = -fPIC
hello_so_LDFLAGS = -shared
hello_so_LDADD =
"""

HELLO_C = """\
#include <awaitd/plugin.h>

static int hello(struct aw_job *job, const void *params)
{
    (void)params;
    aw_outputf(job, "hello");
    return AW_OK;
}

AW_PLUGIN(.name = "hello", .version = "1", .summary = "Says hello", .fiber = hello);
"""


# Enough to see what the macro says.
BARE_CONFIGURE_AC = """\
AC_INIT([hello], [1])
AWAITD_PLUGIN({arguments})
AC_OUTPUT
"""


class Project:
    """A plugin's source tree, configured by autotools against the installed awaitd."""

    def __init__(self, directory, arguments="", configure_ac=CONFIGURE_AC):
        for program in ("autoconf", "automake", "aclocal", "make"):
            need(program)
        self.directory = directory
        self.env = pkg_config_env()
        # Beside where aclocal looks of itself: pkg.m4 is there.
        self.env["ACLOCAL_PATH"] = str(PREFIX / "share/aclocal")
        for name in ("CFLAGS", "LDFLAGS", "MAKEFLAGS"):
            self.env.pop(name, None)
        files = {"configure.ac": configure_ac.replace("{arguments}", arguments),
                 "Makefile.am": MAKEFILE_AM, "hello.c": HELLO_C}
        for name, text in files.items():
            (directory / name).write_text(text, encoding="ascii")

    def attempt(self, *command):
        return subprocess.run(command, cwd=self.directory, env=self.env, capture_output=True,
                              text=True, check=False)

    def run(self, *command):
        result = self.attempt(*command)
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout

    def configure(self, *options):
        self.run("autoreconf", "-i")
        return self.run("./configure", *options)


def test_a_project_with_autotools_builds_and_installs_a_plugin(start_daemon, folder):
    project = Project(folder, "[1.0]")
    major, minor = abi()
    told = project.configure("--prefix=/usr")
    assert f"checking for the plugin ABI 1.0 of awaitd... {major}.{minor}\n" in told
    project.run("make")
    project.run("make", "install", f"DESTDIR={folder}/root")
    plugin = folder / "root" / PLUGIN_DIR.relative_to("/") / "hello.so"
    daemon = start_daemon(config={"plugins": [{"file": str(plugin)}]})
    with daemon.client() as client:
        jobs, _ = client.run({"plugin": "hello"})
    assert jobs[0]["output"] == "hello"


def test_it_passes_distcheck(folder):
    project = Project(folder)
    project.configure()
    assert "hello-1.tar.gz" in project.run("make", "distcheck")


def test_the_plugin_directory_can_be_chosen(folder):
    project = Project(folder)
    project.configure(f"--with-awaitd-plugindir={folder}/mine")
    project.run("make", "install")
    assert (folder / "mine/hello.so").exists()


def fake_awaitd(folder, version):
    """Another awaitd that pkg-config finds first."""
    major, minor = version
    (folder / "fake").mkdir()
    (folder / "fake/awaitd.pc").write_text(
        f"plugindir=/nowhere\nabi={major}.{minor}\nabi_major={major}\nabi_minor={minor}\n\n"
        "Name: awaitd\nDescription: another one\nVersion: 9\n", encoding="ascii")
    return str(folder / "fake")


@pytest.mark.parametrize("wanted, has, fits", [
    ("1.1", (1, 1), True), ("1.1", (1, 12), True), ("1.2", (1, 1), False), ("1.9", (1, 10), True),
    ("1.1", (2, 1), False), ("2.0", (1, 9), False), ("", (1, 0), True), ("", (2, 0), False),
])
def test_the_abi_must_fit(folder, wanted, has, fits):
    project = Project(folder, f"[{wanted}]" if wanted else "", BARE_CONFIGURE_AC)
    project.env["PKG_CONFIG_PATH"] = fake_awaitd(folder, has)
    project.run("autoreconf", "-i")
    result = project.attempt("./configure")
    assert (result.returncode == 0) == fits
    if not fits:
        assert f"the installed awaitd has {has[0]}.{has[1]}" in result.stderr


def test_its_actions_decide(folder):
    project = Project(folder, "[9.0], [found=yes], [found=no; echo 'we do without']",
                      BARE_CONFIGURE_AC)
    project.run("autoreconf", "-i")
    assert "we do without\n" in project.run("./configure")


def test_a_missing_awaitd_is_told(folder):
    project = Project(folder, "", BARE_CONFIGURE_AC)
    project.run("autoreconf", "-i")
    project.env["PKG_CONFIG_PATH"] = ""
    project.env["PKG_CONFIG_LIBDIR"] = str(folder)
    result = project.attempt("./configure")
    assert result.returncode != 0
    assert "pkg-config does not find awaitd" in result.stderr


def test_a_version_that_is_none_is_refused_at_once(folder):
    project = Project(folder, "[new]", BARE_CONFIGURE_AC)
    result = project.attempt("autoreconf", "-i")
    assert result.returncode != 0
    assert "MAJOR.MINOR, not new" in result.stderr
