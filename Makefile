# Everything that is done with this project is a target here; CI calls `make ci`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
ARGS ?=

.PHONY: help install demo test interop check format imports requirements bench fuzz docs migration ci

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

install: $(STAMPS)/project ## make .venv from the lock file (hash-checked) and install the project into it

$(STAMPS)/venv:
	@test -x $(PYTHON) || python3 -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python 3.11+ with its venv module is needed (Debian: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed" >&2; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: requirements/runtime.lock | $(STAMPS)/venv
	$(PIP) install --require-hashes --no-deps -r requirements/runtime.lock
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/runtime
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/dev: requirements/dev.lock $(STAMPS)/project
	$(PIP) install --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

$(STAMPS)/debian: .ci/debian .ci/test.packages
	@.ci/debian
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/interop: .ci/debian .ci/interop.packages
	@.ci/debian .ci/interop.packages
	@mkdir -p $(STAMPS) && touch $@

demo: install ## play the first conversation on real ports, then stay up (ONCE=1: stop after the table; PORT_BASE=N)
	@$(PYTHON) -m vaguemestre.app.demo $(if $(ONCE),--once) $(if $(PORT_BASE),--port-base $(PORT_BASE))

test: $(STAMPS)/debian $(STAMPS)/dev ## install what the tests need, run them all (ARGS= goes to pytest)
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile $(ARGS)

interop: $(STAMPS)/debian $(STAMPS)/interop $(STAMPS)/dev ## play real mail programs and other makers' servers against it (slow)
	$(PYTHON) -m pytest tests/interop $(ARGS)

check: $(STAMPS)/dev imports requirements ## format, lint, types, imports, requirements
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(STAMPS)/dev ## write the code as ruff formats it
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .

imports: $(STAMPS)/dev ## prove that packages import downwards only
	$(VENV)/bin/lint-imports

requirements: $(STAMPS)/dev ## join code, tests and docs/reference/requirements.csv
	$(PYTHON) -m pytest -q tests/architecture

bench: $(STAMPS)/dev ## deliveries, IMAP operations, memory of an idle session
	$(PYTHON) -m benchmarks $(ARGS)

fuzz: $(STAMPS)/dev ## ten minutes of random input, shared among parsers and models (ARGS=seconds)
	$(PYTHON) -m tests.properties.fuzz $(ARGS)

docs: $(STAMPS)/dev ## write the generated pages of docs/reference again
	$(PYTHON) -m vaguemestre.app.reference
	$(PYTHON) -m tests.architecture.join_requirements
	$(PYTHON) -m tests.architecture.client_matrix

migration: $(STAMPS)/dev ## write the next schema change from the tables (MESSAGE="add the queue")
	$(VENV)/bin/ruff format $$($(PYTHON) -m vaguemestre.app.migrations revision "$(MESSAGE)")

ci: check ## what must pass before a change is taken
	$(MAKE) demo ONCE=1
	$(MAKE) test
