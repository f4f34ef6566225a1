#!/usr/bin/env python3
"""Set up and start VAE Workbench without a web UI.

python run.py app [--port N] [--no-browser] [--folder DIR]   the pages, with demo VAEs, in your browser
                  [--pictures DIR]                           and with a folder of pictures to evaluate VAEs on
python run.py test [PYTEST ARGUMENTS]                        every check there is
python run.py bench [NAME ...]                               the figures, as ratios in one run
python run.py setup                                          only install what the app needs

The first use makes .venv beside this file and installs pinned packages into it; nothing else on the machine changes.
Needs Python 3.10, 3.11 or 3.12 and nothing more. This file keeps to old syntax, so that an old Python can say so.
"""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")
OLDEST, NEWEST = (3, 10), (3, 12)

# command → (its requirements, the steps that it runs inside .venv; the user's arguments go to the last one)
COMMANDS = {
    "setup": ("requirements.txt", []),
    "app": ("requirements.txt", [["-m", "vae_workbench.standalone"]]),
    "bench": ("requirements-test.txt", [["-m", "bench"]]),
    "test": (
        "requirements-test.txt",
        [
            ["-m", "ruff", "check", "--quiet", ROOT],
            ["-m", "ruff", "format", "--quiet", "--check", ROOT],
            ["-m", "mypy", "--no-error-summary"],
            ["-m", "pytest", "--numprocesses=auto"],
        ],
    ),
}


def main(arguments):
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return fail(
            "This is Python %d.%d, and VAE Workbench needs 3.10, 3.11 or 3.12. Install one of those from python.org "
            "and start run.py with it." % sys.version_info[:2]
        )
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 0 if arguments in ([], ["-h"], ["--help"]) else 2
    command, rest = arguments[0], arguments[1:]
    requirements, steps = COMMANDS[command]
    if {"-h", "--help"} & set(rest) and not is_installed(requirements):
        print(__doc__)  # nobody who asks wants a large download first
        return 0
    problem = install(requirements)
    if problem:
        return fail(problem)
    if command == "test" and rest:
        steps = steps[-1:]  # somebody who names tests wants those, not the linters
    for step in steps[:-1]:
        code = start(step)
        if code:
            return code
    return start(steps[-1] + rest) if steps else 0


def start(step):
    """Runs Python of .venv with these arguments in the repository's environment and returns its exit code."""
    environment = dict(os.environ, PYTHONPATH=ROOT, PYTHONUTF8="1", GRADIO_ANALYTICS_ENABLED="False")
    folder = ROOT if step[1] in ("bench", "mypy", "pytest", "ruff") else None
    try:
        return subprocess.call([PYTHON] + step, cwd=folder, env=environment)
    except KeyboardInterrupt:
        return 130


def install(requirements):
    """Makes .venv hold exactly these requirements. Returns a sentence if it can't, else None; quick when nothing is to do."""
    if is_installed(requirements):
        return None
    say("Setting up VAE Workbench in %s (once; PyTorch and the rest are a large download) ..." % VENV)
    return make_venv() or pip_install(requirements) or write_stamp(stamp_of(requirements), fingerprint())


def is_installed(requirements):
    return os.path.isfile(PYTHON) and read(stamp_of(requirements)) == fingerprint()


def stamp_of(requirements):
    return os.path.join(VENV, "installed-" + requirements)


def make_venv():
    if os.path.isfile(PYTHON) and subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0:
        return None
    try:
        import venv

        venv.create(VENV, with_pip=True, clear=True)
    except ImportError:
        return "This Python has no venv module. On Debian or Ubuntu install it with: sudo apt install python3-venv."
    except subprocess.CalledProcessError:
        return (
            "This Python cannot set up pip. On Debian or Ubuntu install what is missing: sudo apt install python3-venv."
        )
    except (OSError, ValueError) as error:  # ValueError: a file of that name is in the way
        return "%s cannot be written (%s). Move this folder to where you may write, and start again." % (
            VENV,
            reason(error),
        )
    return None


def pip_install(requirements):
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-r", os.path.join(ROOT, requirements)]
    if os.environ.get("CI"):
        command.append("--quiet")
    try:
        code = subprocess.call(command)
    except KeyboardInterrupt:
        return "Setting up was stopped. Start again to go on with it."
    if code:
        return (
            "The packages could not be installed; pip's own words are above. If there is no network, connect and start "
            "again: what is already there is kept."
        )
    return None


def fingerprint():
    """Changes when any list of requirements does, or when .venv is to hold another Python."""
    lists = [
        read(os.path.join(ROOT, name)) for name in ("requirements.txt", "requirements-test.txt", "constraints.txt")
    ]
    return hashlib.sha256("\0".join(lists).encode("utf-8")).hexdigest()


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def write_stamp(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        return "%s cannot be written (%s). Free some space or move this folder, and start again." % (
            path,
            reason(error),
        )
    return None


def reason(error):
    return getattr(error, "strerror", None) or str(error)


def say(sentence):
    print(sentence)
    sys.stdout.flush()


def fail(sentence):
    sys.stderr.write(sentence + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
