"""Compares `A<TAB>B` lines with the tools of a scheme that Python reaches: -1, 0, 1, or ? for what they refuse."""

import sys


def dpkg():
    import re

    import apt_pkg

    apt_pkg.init_system()
    # apt compares anything; what dpkg refuses is refused here as dpkg does it.
    upstream, revision = re.compile(r"[A-Za-z0-9.+~:-]+"), re.compile(r"[A-Za-z0-9.+~]+")

    def parse(version):
        epoch, colon, rest = version.partition(":")
        if not colon:
            epoch, rest = "0", version
        start, hyphen, end = rest.rpartition("-")
        if not hyphen:
            start, end = rest, "0"
        if not (epoch.isdigit() and int(epoch) <= 0x7FFFFFFF):
            raise ValueError(version)
        if not (upstream.fullmatch(start) and revision.fullmatch(end)):
            raise ValueError(version)
        return version

    return parse, apt_pkg.version_compare


def rpm_evr():
    import rpm

    def parse(version):
        epoch, colon, rest = version.partition(":")
        if not (colon and epoch.isdigit()):
            epoch, rest = "0", version
        version, hyphen, release = rest.rpartition("-")
        if not hyphen:
            version, release = rest, None
        if not version:
            raise ValueError(rest)
        return epoch, version, release

    return parse, lambda a, b: rpm.labelCompare(a, b)


def pep440():
    from packaging.version import Version

    return Version, lambda a, b: (a > b) - (a < b)


def pacman():
    import ctypes
    import ctypes.util

    library = ctypes.CDLL(ctypes.util.find_library("alpm"))

    def parse(version):
        if not version or not version.isascii():
            raise ValueError(version)
        return version.encode()

    return parse, library.alpm_pkg_vercmp


def main():
    parse, compare = globals()[sys.argv[1]]()
    for line in sys.stdin.buffer:
        a, b = line.decode().rstrip("\n").split("\t")
        try:
            order = compare(parse(a), parse(b))
            print((order > 0) - (order < 0))
        except ValueError:
            print("?")


main()
