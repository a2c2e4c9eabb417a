"""Files that the user names: read, written whole, or what is wrong with them.

Knows nothing of tokens or settings.
"""

import errno
import os
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice

from token_explorer.errors import InputError, OutputError

# More text than any model's context holds; the tokenizer would be busy for minutes.
MAX_BYTES = 10_000_000
# In a folder of more files than this, looking for a similar name would take too long.
MAX_NEIGHBOURS = 5000

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_prompt(path: str) -> str:
    """The text of a prompt file, exact but for a byte order mark. Raises InputError."""
    return text_of(_content(path), path)


def text_of(content: bytes, path: str) -> str:
    """The text that a file's bytes are, exact but for a byte order mark. Raises InputError.

    Args:
        path: where they come from, for messages.
    """
    if len(content) >= MAX_BYTES:
        raise _too_large(path, len(content))
    if content.startswith(_UTF16_MARKS):
        raise _unreadable(f"{path} is UTF-16.", f"Convert it: iconv -f UTF-16 -t UTF-8 {path}")
    if (nul := content.find(b"\0")) >= 0:
        raise _unreadable(f"{path} isn't text: byte {nul} is NUL.", "A prompt is a file of UTF-8 text.")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start} is 0x{content[error.start]:02x}"
        raise _unreadable(f"{path} isn't UTF-8 text: {wrong}.", "Save it as UTF-8.") from None


def is_path(model: str) -> bool:
    """Whether a model's name can only mean a path: a hub id is a name, or an owner, a slash and a name."""
    begins = model.startswith((".", "~", os.sep))
    return begins or model.endswith(".gguf") or model.count("/") > 1 or (os.sep != "/" and os.sep in model)


def similar(path: str) -> str | None:
    """A file that is there and has nearly this name, in the same folder."""
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in islice(entries, MAX_NEIGHBOURS)]
    except OSError:
        return None
    near = get_close_matches(name, names, 1)
    return os.path.join(folder, near[0]) if near else None


def missing(path: str) -> tuple[str, str]:
    """What to say of a path that leads nowhere: the message, and the hint."""
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        return f"{path} doesn't exist, nor does the folder {folder}.", "Check the path."
    near = similar(path)
    return (
        f"{path or 'a file without a name'} doesn't exist.",
        f"Did you mean {near}?" if near else "Check the path.",
    )


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            # A pipe has no size, so what was read is counted too.
            content = file.read(MAX_BYTES) if size < MAX_BYTES else b""
    except FileNotFoundError:
        raise _unreadable(*missing(path)) from None
    except IsADirectoryError:
        raise _unreadable(f"{path} is a folder.", "Name a file in it.") from None
    except OSError as error:
        raise _unreadable(f"{path}: {error.strerror}.", "Choose a file that you may read.") from None
    if size >= MAX_BYTES:
        raise _too_large(path, size)
    return content


def _too_large(path: str, size: int) -> InputError:
    limit = f"{MAX_BYTES / 1e6:.0f} MB"
    return _unreadable(f"{path} has {size / 1e6:.1f} MB; a prompt must be smaller than {limit}.", "Cut it.")


def _unreadable(message: str, hint: str) -> InputError:
    return InputError("Can't read the prompt", message, hint)


def write_file(path: str, content: bytes, replace: bool = False) -> None:
    """Write a file as a whole, or not at all.

    Args:
        replace: whether a file of that name may be replaced.

    Raises OutputError.
    """
    _check_plain(path)
    target = os.path.realpath(path)
    part = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:200]}-{os.getpid()}.part")
    try:
        try:
            with open(part, "xb") as file:
                file.write(content)
            if replace:
                os.replace(part, target)
            else:
                place_new(part, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
    except OSError as error:
        raise _unwritable(path, error) from None


def check_new(path: str, replace: bool = False) -> None:
    """Raise OutputError where `write_file` would, as far as that can be seen before.

    Work that takes long shouldn't end with a name that was taken from the start.
    """
    folder = os.path.dirname(path) or "."
    _check_plain(path)
    if os.path.isdir(path):
        raise _unwritable(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    if os.path.lexists(path) and not replace:
        raise _unwritable(path, FileExistsError())
    if not os.path.isdir(folder):
        raise _unwritable(path, FileNotFoundError())
    if not os.access(folder, os.W_OK):
        raise _unwritable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _check_plain(path: str) -> None:
    """Raise OutputError for no name, and for a device, a pipe or a socket, whose place a file would take."""
    if not path:
        raise OutputError("Not written", "the file has no name.", "Name one.")
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise OutputError("Not written", f"{path} is no plain file.", "Choose another name.")


def place_new(part: str, path: str) -> None:
    """Give a finished file its name. Raises FileExistsError where that is taken.

    A link can't overwrite, as a rename can.
    """
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first, then filled at one stroke
        open(path, "xb").close()
        os.replace(part, path)


def _unwritable(path: str, error: OSError) -> OutputError:
    folder = os.path.dirname(path)
    if isinstance(error, FileExistsError):
        hint = "Choose another name, or replace it with --force."
        return OutputError("Not written", f"{path} exists.", hint)
    if isinstance(error, FileNotFoundError):
        return OutputError("Not written", f"{path}: there is no folder {folder}.", "Make it first.")
    hint = "Choose a folder that you may write to, with room for it."
    return OutputError("Not written", f"{path}: {error.strerror or error}.", hint)
