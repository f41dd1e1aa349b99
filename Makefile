# The two commands of a newcomer are `make demo` and `make test`.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test test-long test-gpu check fmt docs setup-system bench bench-contain web clean

demo: $(VENV)/.installed
	$(BIN)/ringfence demo

test: $(VENV)/.tested
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long and not gpu" -rs

test-long: $(VENV)/.tested
	$(BIN)/python -m pytest -m "long" -rs

test-gpu: $(VENV)/.tested
	$(BIN)/python -m pytest tests/gpu -m gpu -rs

check: $(VENV)/.tested
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.tested
	$(BIN)/ruff check --fix-only src tests bench
	$(BIN)/ruff format src tests bench

docs: $(VENV)/.installed
	$(BIN)/python -m ringfence.app.docs docs
	$(BIN)/python -m ringfence.cli.reference docs/cli.md

bench: $(VENV)/.tested
	$(BIN)/python -m bench.reach --json
	$(BIN)/python -m bench.estate --json
	$(BIN)/python -m bench.incremental --json
	$(BIN)/python -m bench.fence --json
	$(BIN)/python -m bench.sigma --json
	$(BIN)/python -m bench.endpoints --seconds 60 --json
	$(BIN)/python -m bench.agent --json
	$(BIN)/python -m bench.contain_plan --json
	$(BIN)/python -m bench.assess --json
	$(BIN)/python -m bench.advisories --json

# Root, and the lab's Debian packages; the whole of it takes half an hour.
bench-contain: $(VENV)/.tested
	$(BIN)/python -m bench.contain_ib
	$(BIN)/python -m bench.contain_burst --json
	$(BIN)/python -m bench.contain --json

# Node is needed only here: the built pages are part of the package.
web:
	cd web && npm ci --no-audit --no-fund && npm run build

setup-system:
	sh packaging/setup-system.sh

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e ".[test,live,seal,bench,fence,watch]"
	@touch $@

clean:
	rm -rf $(VENV) build dist
