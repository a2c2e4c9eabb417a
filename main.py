"""`python main.py`: the program, from a checkout. Knows nothing but where it begins."""

import sys

try:
    from token_explorer.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"Not set up: {error.name} isn't installed.\nRun `make run`, or `uv run main.py`.")

# The engine's process may import this file again; only the first one is the program.
if __name__ == "__main__":
    sys.exit(main())
