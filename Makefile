# Everything from a fresh checkout with nothing but Python >= 3.11 and make: `make demo`, `make test`.
# Each target sets up .venv by itself, once per change of the lock.

.PHONY: demo test check serve golden revision bench docs lock clean help
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_SECONDS ?=
PYTEST_ARGS ?= -n auto
ARGS ?=

# Bytecode lies in .venv, also where the environment says to write none: else every start compiles 1,500 modules anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode

help:
	@echo "make demo [DEMO_SECONDS=30]   see it at work: carriers, gateway, a merchant that verifies every webhook"
	@echo "make test                     all tests"
	@echo "make check                    lint, types, layers, dependencies, generated pages"
	@echo "make serve [ARGS=...]         run the gateway"
	@echo "make golden | docs | lock     rewrite goldens | generated pages | the lock of dependencies"
	@echo "make revision ARGS='why'      write the next step of the schema from what the tables say"
	@echo "make bench                    benchmarks"

# The first Python that is new enough; pip fetches uv, uv the rest (pip does where uv cannot).
$(READY): requirements.lock pyproject.toml
	@set -e; \
	if [ ! -x $(BIN)/python ]; then \
	  found=""; \
	  for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then echo "Python 3.11 or newer is needed; name it with make PYTHON=..." >&2; exit 1; fi; \
	  echo "setting up $(VENV) with $$($$found --version)"; \
	  $$found -m venv $(VENV) || { echo "$$found cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; rm -rf $(VENV); exit 1; }; \
	fi; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check uv || echo "no uv here, pip does it" >&2; \
	{ $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock \
	  && $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .; } 2>/dev/null \
	|| { $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock \
	  && $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .; }
	@touch $@

demo: $(READY)
	@$(BIN)/carrier-gateway demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: $(READY)
	@sh tests/browser/install.sh
	@sh tests/postgres-install.sh
	@$(BIN)/pytest $(PYTEST_ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/carrier-gateway docs --check

serve: $(READY)
	@$(BIN)/carrier-gateway serve $(ARGS)

golden: $(READY)
	$(BIN)/python tests/golden.py $(ARGS)

bench: $(READY)
	$(BIN)/python benchmarks $(ARGS)

revision: $(READY)
	$(BIN)/python -c "import sys; from gateway import schema; schema.write_revision(sys.argv[1])" "$(ARGS)"

docs: $(READY)
	$(BIN)/carrier-gateway docs

# Names, versions and hashes only: where packages come from is the machine's own business.
lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header \
	  --no-emit-index-url pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info .ruff_cache .mypy_cache .pytest_cache .import_linter_cache .hypothesis
