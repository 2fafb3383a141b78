# Two commands matter: `make eval` evaluates the reference platform, `make test` proves the tool.
# While editing there is `make check`, which proves what needs no session, no server and no network.
# Both set up .venv from nothing when needed and start at once when nothing changed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: eval prove test check lint types imports unit quick benchmarks wheel lock clean
.DEFAULT_GOAL := eval

eval: $(READY)
	$(BIN)/pytest --e2i-eval

# Breaks logging, agents and the server in every known way, and shows what notices; two minutes.
prove: $(READY)
	$(BIN)/e2i-eval prove

# The clock runs in the recipe, so that what is made side by side is counted once.
test: $(READY)
	@begun=$$(date +%s); \
	  $(MAKE) --no-print-directory --jobs 2 lint types imports \
	  && $(MAKE) --no-print-directory unit benchmarks \
	  && took=$$(($$(date +%s) - begun)) && echo "make test: $$((took / 60)) min $$((took % 60)) s"

check: $(READY)
	@begun=$$(date +%s); \
	  $(MAKE) --no-print-directory --jobs 2 lint types imports \
	  && $(MAKE) --no-print-directory quick \
	  && took=$$(($$(date +%s) - begun)) && echo "make check: $$((took / 60)) min $$((took % 60)) s"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

unit: $(READY)
	$(BIN)/pytest tests --ignore tests/performance -n 2 --dist loadfile --no-loadscope-reorder

# Left out: what starts the deployment's server, and what reads through the whole corpus.
quick: $(READY)
	$(BIN)/pytest tests/unit -n 2 --dist loadfile --no-loadscope-reorder -q \
	  --ignore tests/unit/e2i_rag --ignore tests/unit/e2i_mlops/test_deployment.py

# Benchmarks run alone, after the rest: two workers would measure each other.
benchmarks: $(READY)
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
