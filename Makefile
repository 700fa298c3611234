# Stateward. `make demo` and `make test` do all their own set-up.
PYTHON ?= python3
ifeq ($(strip $(PYTHON)),)
override PYTHON := python3
endif
# Tests wait a good part of their time, for processes and for each other.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(max(2, (os.cpu_count() or 1) * 3 // 2))' 2>/dev/null || echo 2)
VENV := .venv
STAMP := $(VENV)/.installed-dev
BIN := $(VENV)/bin

.PHONY: venv demo run test test-all check bench soak format docs reference wheel agent-zipapp clean help

help:
	@echo "make demo    show the whole way on this machine (a first run installs; then under fifteen seconds)"
	@echo "make venv    only make the environment in $(VENV), with the AWS CLI and the test tools"
	@echo "make run     a server and this machine as its node, until Ctrl-C"
	@echo "make test    all tests that take less than minutes"
	@echo "make test-all   all tests, also those that take long or install packages of other languages; names what is skipped"
	@echo "make check   format, lint, types, house rules"
	@echo "make soak    the server against the naive model of the specification, and a thousand runs over cuts and kills; for hours"
	@echo "make agent-zipapp   the node agent as one file, dist/stateward-agent.pyz"
	@echo "make docs    the pages as a site, build/site/index.html; a link that leads nowhere fails"
	@echo "make reference   docs/reference/ anew from the program"
	@echo "make wheel   dist/*.whl and dist/*.tar.gz, to install elsewhere"
	@echo "make bench   speed, as ratios to a peer measured in the same run"
	@echo "PYTHON=python3.12 make …   uses another Python for the environment in $(VENV)"

venv: $(STAMP)

demo: $(VENV)/.installed
	@$(BIN)/stateward demo

run: $(VENV)/.installed
	@$(BIN)/stateward local

test: $(STAMP)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not slow_all"

test-all: $(STAMP)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile -rs

check: $(STAMP)
	@$(BIN)/ruff format --check src tests benchmarks documentation examples
	@$(BIN)/ruff check --no-cache src tests benchmarks documentation examples
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

soak: $(STAMP)
	@STATEWARD_SOAK_EXAMPLES=500 $(BIN)/pytest tests/model
	@STATEWARD_SOAK_EXAMPLES=5 STATEWARD_SOAK_HOURS=8760 STATEWARD_SOAK_ACTIONS=60 $(BIN)/pytest tests/model
	@STATEWARD_SOAK_RUNS=1000 $(BIN)/pytest tests/outages/test_random_cuts.py

agent-zipapp: $(VENV)/.installed
	@mkdir -p dist
	@$(BIN)/stateward agent pack dist/stateward-agent.pyz

docs: $(STAMP)
	@$(BIN)/python -m documentation.reference --check
	@$(BIN)/python -m mkdocs build
	@echo "build/site/index.html"

reference: $(STAMP)
	@$(BIN)/python -m documentation.reference

wheel: $(STAMP)
	@$(BIN)/python -m build --outdir dist .

format: $(STAMP)
	@$(BIN)/ruff format src tests benchmarks documentation examples
	@$(BIN)/ruff check --fix src tests benchmarks documentation examples

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

# A Python that was asked for must be there, also where an environment stands already.
ifeq ($(origin PYTHON),command line)
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
$(error $(PYTHON) was not found; install Python 3.11 or newer, or name one with PYTHON=)
endif
endif

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "make: $(PYTHON) was not found; install Python 3.11 or newer, or name one with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: $(PYTHON) says: $$($(PYTHON) --version 2>&1 | head -n 1); Stateward needs Python 3.11 or newer, name one with PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "make: this Python has no venv; install it (Debian and Ubuntu: apt install python3-venv) or name another with PYTHON=" >&2; exit 1; }
	@echo "making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing Stateward into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP): pyproject.toml | $(VENV)/bin/python
	@echo "installing Stateward and its test tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed
