# make demo    the main job on embedded parts, no account needed (KEEP=1 leaves it running)
# make test    formatting, lint, types, the whole test suite and its coverage
# make bench   measurements, one table (JSON=1: JSON lines); takes minutes
# All set up .venv first, with any Python 3.11 or newer: make test PYTHON=python3.13

PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/ready

.PHONY: demo test lint soak bench lock

demo: $(READY)
	@.venv/bin/integrator demo $(if $(filter 1,$(KEEP)),--keep)

test: lint
	$(PY) -m pytest -n 4 --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90
	@$(PY) -m coverage report --include='mapping/*' --fail-under=100 --skip-covered --show-missing

lint: $(READY)
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

soak: $(READY)
	HYPOTHESIS_PROFILE=nightly $(PY) -m pytest -n 4 --dist worksteal

bench: $(READY)
	@$(PY) -m bench $(if $(JSON),--json)

lock:
	uv pip compile pyproject.toml --extra dev --extra bench --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --output-file requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: name one that is, as in  make $(or $(MAKECMDGOALS),demo) PYTHON=python3.13" >&2; exit 1; }
	@echo "Setting up .venv with the locked dependencies; once, about a minute ..."
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
