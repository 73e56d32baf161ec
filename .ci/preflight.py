"""Check the requirements of the set-up; for each missing one, print the command that fixes it.

The Makefile runs this with the Python that will create the environment, before anything is
installed. It therefore uses only the standard library and the syntax of old versions of Python 3.
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile

OLDEST = (3, 10)
NEWEST_KNOWN = 14  # the highest 3.x to look for when the default Python is too old
PROBE = """
#include <Python.h>
#include <concepts>
#include <span>
typedef int Pair __attribute__((vector_size(8)));
Pair exchanged(Pair a) { return __builtin_shufflevector(a, a, 1, 0); }
template <std::integral T> T first(std::span<const T> values) { return values[0]; }
extern "C" int probe(const int* value) { return first(std::span<const int>(value, 1)); }
"""


class Missing(Exception):
    """A missing requirement: the problem, and the remedy."""

    def __init__(self, problem, remedy):
        super().__init__(problem)
        self.remedy = remedy


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-kernels", action="store_true", help="do not require a C++ compiler")
    parser.add_argument("--room", type=float, default=0, metavar="GB", help="required disk space")
    args = parser.parse_args(argv)

    missing = failures([check_python])
    missing_for_kernels = []
    if not missing:  # otherwise the other checks would examine the wrong Python
        missing = failures([check_venv, lambda: check_room(args.room)])
        if not args.no_kernels:
            missing_for_kernels = failures([check_headers, check_compiler])
    for failure in missing + missing_for_kernels:
        print("\nmissing: {}\n  to fix: {}".format(failure, failure.remedy), file=sys.stderr)
    if missing_for_kernels and not missing:
        print(
            "\nOr run without compiled kernels (same results, slower):\n"
            "          make demo KERNELS=0",
            file=sys.stderr,
        )
    return 1 if missing or missing_for_kernels else 0


def failures(checks):
    found = []
    for check in checks:
        try:
            check()
        except Missing as failure:
            found.append(failure)
    return found


def install(**packages):
    """Return the command that installs a package, whose name depends on the system."""
    sudo = "" if not hasattr(os, "geteuid") or os.geteuid() == 0 else "sudo "
    for manager, command in (
        ("apt", "apt-get install"),
        ("dnf", "dnf install"),
        ("zypper", "zypper install"),
        ("pacman", "pacman -S"),
        ("apk", "apk add"),
    ):
        if manager in packages and shutil.which(command.split()[0]):
            return sudo + command + " " + packages[manager]
    return packages["other"]


def check_python():
    if sys.version_info >= OLDEST:
        return
    version = ".".join(map(str, sys.version_info[:3]))
    oldest = ".".join(map(str, OLDEST))
    newer = next(filter(works, ("python3.%d" % minor for minor in newer_minors())), None)
    raise Missing(
        "Python {} or newer: {} is {}".format(oldest, sys.executable, version),
        "make demo PYTHON={}".format(newer)
        if newer
        else "install a newer Python (package manager, or https://www.python.org/downloads/), "
        "then: make demo PYTHON=python3.12",
    )


def newer_minors():
    return range(NEWEST_KNOWN, OLDEST[1] - 1, -1)


def works(python):
    """Whether the command starts; a version manager's placeholder is on PATH but does not."""
    if shutil.which(python) is None:
        return False
    run = subprocess.run([python, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return run.returncode == 0


def check_venv():
    try:
        import ensurepip  # noqa: F401  (Debian ships it separately, as python3.x-venv)
        import venv  # noqa: F401
    except ImportError as error:
        raise Missing(
            "the {} module of {}".format(error.name, sys.executable),
            install(
                apt="python%d.%d-venv" % sys.version_info[:2],
                other="reinstall Python with its venv and ensurepip modules",
            ),
        ) from None


def check_room(gigabytes):
    """Check this folder, for the environment, and the temporary folder, where pip unpacks."""
    for folder, needed in ((os.getcwd(), gigabytes), (tempfile.gettempdir(), gigabytes / 3)):
        free = shutil.disk_usage(folder).free / 1e9
        if free < needed:
            raise Missing(
                "disk space: {} has {:.1f} GB free, the set-up needs about {:.1f} GB".format(
                    folder, free, needed
                ),
                "free some space, set TMPDIR to a larger disk (for the temporary folder), or "
                "install the CPU build of torch:\n"
                '          make demo ROOM=2 TORCH="torch torchvision --index-url '
                'https://download.pytorch.org/whl/cpu"',
            )


def check_headers():
    include = sysconfig.get_paths()["include"]
    if not os.path.isfile(os.path.join(include, "Python.h")):
        version = "%d.%d" % sys.version_info[:2]
        raise Missing(
            "Python's headers (no Python.h in {})".format(include),
            install(
                apt="python{}-dev".format(version),
                dnf="python3-devel",
                zypper="python3-devel",
                apk="python3-dev",
                other="reinstall Python {} with its headers".format(version),
            ),
        )


def check_compiler():
    """Compile and link a small file as the build does: C++20, Python.h, shuffles of vectors."""
    compiler = os.environ.get("CXX") or "c++"
    get_one = install(
        apt="g++",
        dnf="gcc-c++",
        zypper="gcc-c++",
        pacman="gcc",
        apk="g++ musl-dev",
        other="xcode-select --install" if sys.platform == "darwin" else "install g++",
    )
    if shutil.which(compiler.split()[0]) is None:
        other = next(filter(shutil.which, ("g++", "clang++")), None)
        raise Missing(
            "a C++ compiler: {} was not found".format(compiler),
            "make demo CXX={}".format(other) if other else get_one,
        )
    include = sysconfig.get_paths()["include"]
    if not os.path.isfile(os.path.join(include, "Python.h")):
        return  # check_headers reports it
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "probe.cpp")
        with open(source, "w") as file:
            file.write(PROBE)
        compile_it = ["-std=c++20", "-fPIC", "-I" + include, "-c", source, "-o", source + ".o"]
        link_it = ["-shared", source + ".o", "-o", source + ".so"]
        if sys.platform == "darwin":
            link_it += ["-undefined", "dynamic_lookup"]
        for step in (compile_it, link_it):
            command = compiler.split() + step
            run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if run.returncode != 0:
                output = run.stdout.decode(errors="replace").splitlines()
                error = next((line for line in output if "error" in line), "(no compiler output)")
                raise Missing(
                    "a C++20 compiler: {} fails on a small file:\n          {}".format(
                        compiler, error.strip()
                    ),
                    get_one + " (GCC 12 or newer, or clang 16)",
                )


if __name__ == "__main__":
    sys.exit(main())
