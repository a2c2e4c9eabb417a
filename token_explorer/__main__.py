"""`python -m token_explorer`: the program. Knows nothing but where it begins."""

import sys

from token_explorer.cli import main

# The engine's process may import this file again; only the first one is the program.
if __name__ == "__main__":
    sys.exit(main())
