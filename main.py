"""`python main.py`: the program, from a checkout. Knows nothing but where it begins."""

import sys

# The engine's process imports this file again; only the first one is the program, and needs more than this.
if __name__ == "__main__":
    try:
        import tomli  # noqa: F401  (without a dependency that is imported early, none is installed)

        from token_explorer.cli import main
    except ModuleNotFoundError as error:
        sys.exit(f"Not set up: {error.name} isn't installed.\nRun `make run`, or `uv run main.py`.")
    sys.exit(main())
