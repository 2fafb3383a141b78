# Two commands matter: `make eval` evaluates the reference platform, `make test` proves the tool.
# Both set up .venv from nothing when needed and start at once when nothing changed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: eval prove test lint types imports unit wheel lock clean
.DEFAULT_GOAL := eval

eval: $(READY)
	$(BIN)/pytest --e2i-eval

# Breaks logging, agents and the server in every known way, and shows what notices; two minutes.
prove: $(READY)
	$(BIN)/e2i-eval prove

test: lint types imports unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

# Benchmarks run alone, after the rest: two workers would measure each other.
unit: $(READY)
	$(BIN)/pytest tests --ignore tests/performance -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest tests/performance -s

wheel: $(READY)
	$(BIN)/python tests/wheel/outside_project.py

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "e2i-eval needs Python 3.11 to 3.13; type: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Needs uv. The lock holds versions and hashes only, never an address.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .e2i dist
