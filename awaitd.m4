# awaitd.m4: for plugins of awaitd that are built with autotools.
#
# AWAITD_PLUGIN([MINIMUM-ABI], [ACTION-IF-FOUND], [ACTION-IF-NOT-FOUND])
#
# Looks for awaitd by pkg-config. Plugins fit where the ABI's major version is that of MINIMUM-ABI (default: 1.0)
# and the minor one is at least its. Without ACTION-IF-NOT-FOUND, configure ends where they do not. Sets and
# substitutes
#
#   AWAITD_ABI         the ABI's version, such as 1.1
#   AWAITD_CFLAGS      what the compiler needs to find <awaitd/plugin.h>
#   AWAITD_PLUGINDIR   where the daemon looks for plugins; the user's --with-awaitd-plugindir=DIR where given
#
# In configure.ac:
#
#   AC_PROG_CC
#   AWAITD_PLUGIN([1.1])
#
# In Makefile.am, without libtool:
#
#   plugindir = $(AWAITD_PLUGINDIR)
#   plugin_PROGRAMS = nap.so
#   nap_so_SOURCES = nap.c
#   nap_so_CPPFLAGS = $(AWAITD_CFLAGS)
#   nap_so_CFLAGS = -fPIC
#   nap_so_LDFLAGS = -shared
#   nap_so_LDADD =
#
# The plugin directory lies outside the project's own prefix, where make distcheck may not write:
#
#   AM_DISTCHECK_CONFIGURE_FLAGS = --with-awaitd-plugindir='$${libdir}/awaitd/plugins'
#
#serial 1

AC_DEFUN([AWAITD_PLUGIN], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
m4_pushdef([awaitd_wanted], m4_default_nblank([$1], [1.0]))dnl
m4_if(m4_bregexp(awaitd_wanted, [^[0-9]+\.[0-9]+$]), [-1],
    [m4_fatal([AWAITD_PLUGIN: the version of an ABI is MAJOR.MINOR, not $1])])dnl
AC_ARG_WITH([awaitd-plugindir],
    [AS_HELP_STRING([--with-awaitd-plugindir=DIR],
        [where plugins of awaitd go; default: where the installed awaitd looks for them])],
    [], [with_awaitd_plugindir=yes])

AC_MSG_CHECKING([for the plugin ABI awaitd_wanted of awaitd])
awaitd_problem=
AS_IF([test -z "$PKG_CONFIG"],
    [awaitd_problem='pkg-config is missing'],
    [! $PKG_CONFIG --exists awaitd],
    [awaitd_problem='pkg-config does not find awaitd; PKG_CONFIG_PATH tells it where awaitd.pc is'],
    [AWAITD_ABI=`$PKG_CONFIG --variable=abi awaitd`
    AWAITD_CFLAGS=`$PKG_CONFIG --cflags awaitd`
    AWAITD_PLUGINDIR=`$PKG_CONFIG --variable=plugindir awaitd`
    AS_IF([test "`$PKG_CONFIG --variable=abi_major awaitd`" -ne m4_bpatsubst(awaitd_wanted, [\..*]) ||
            test "`$PKG_CONFIG --variable=abi_minor awaitd`" -lt m4_bpatsubst(awaitd_wanted, [.*\.])],
        [awaitd_problem="the installed awaitd has $AWAITD_ABI"])])
m4_popdef([awaitd_wanted])dnl
AS_CASE([$with_awaitd_plugindir],
    [yes|no], [],
    [AWAITD_PLUGINDIR=$with_awaitd_plugindir])
AC_SUBST([AWAITD_ABI])
AC_SUBST([AWAITD_CFLAGS])
AC_SUBST([AWAITD_PLUGINDIR])
AS_IF([test -z "$awaitd_problem"],
    [AC_MSG_RESULT([$AWAITD_ABI])
    $2],
    [AC_MSG_RESULT([no: $awaitd_problem])
    m4_default([$3], [AC_MSG_ERROR([$awaitd_problem])])])
])
