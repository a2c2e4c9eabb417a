"""`python -m token_explorer`: the program. Knows nothing but where it begins."""

import sys


def main() -> int:
    """Run the program and return its exit code.

    The engine's process imports again what the program's own began with, so that is little.
    """
    from token_explorer.cli import main as program

    return program()


if __name__ == "__main__":
    sys.exit(main())
