"""The command line: flags and settings in, one front end out. Knows nothing of what goes on inside either.

Exploring is what happens without a subcommand. Nothing heavy is imported before it is needed:
neither a terminal library nor a model, so that --help and mistakes are answered at once.
"""

import os
import sys
import traceback
from collections.abc import Sequence

from token_explorer.cli.output import SIGPIPE_CODE, drop_output, finish_output, ready_output
from token_explorer.core.tokens import display
from token_explorer.errors import ExplorerError

DEBUG = "TOKEN_EXPLORER_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code; every error ends here, as words on stderr."""
    ready_output()
    try:
        code = _invoke(sys.argv[1:] if argv is None else argv)
        finish_output()
        return code
    except ExplorerError as error:
        _report(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        drop_output()
        print("The output's reader has gone; the rest isn't written.", file=sys.stderr)
        return SIGPIPE_CODE
    except Exception as error:
        return _report_bug(error)


def _invoke(argv: Sequence[str]) -> int:
    if not argv:
        from token_explorer.cli.explore import explore

        return explore()  # what understands arguments takes a tenth of a second to import
    from token_explorer.cli.commands import invoke

    return invoke(argv)


def _report(error: ExplorerError) -> None:
    # File names and settings are as hostile to a terminal as token text.
    lines = (display(line) if line else "" for line in str(error).split("\n"))
    print(*lines, sep="\n", file=sys.stderr)


def _report_bug(error: Exception) -> int:
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}"
    _report(ExplorerError("This is a bug", what, f"Please report it, with what {DEBUG}=1 prints."))
    return 1
