# Every target sets up its environment on first use; nothing is installed outside $(VENV).
#   make VENV=/elsewhere/env ...           another place for the environment
#   make PYTHON=/path/to/python3.10 ...    another interpreter (decides the stack)
#   make test ARGS="-k cutmix"             more arguments for the tool

SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:

VENV ?= .venv
ARGS ?=
BENCH ?= $(notdir $(patsubst %/__main__.py,%,$(wildcard benchmarks/*/__main__.py)))
export PYTHON
# A file of tests stays on one worker, so that it makes its fixtures once; tests/conftest.py has put the long ones first.
SIDE_BY_SIDE = --numprocesses=2 --dist=loadfile --no-loadscope-reorder

STAMP := $(VENV)/.imagemill-stamp
BIN := $(VENV)/bin
ANY_PYTHON = $(or $(PYTHON),$(shell command -v python3 || command -v python || uv python find 2>/dev/null))
COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: help
help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@sed -n 's/^#   /  /p' $(firstword $(MAKEFILE_LIST))

.PHONY: venv
venv: $(STAMP) ## Make the environment, or bring it up to date with its lock

$(STAMP): setup.py requirements/legacy.lock requirements/modern.lock requirements/build.lock
	@[ -n "$(ANY_PYTHON)" ] || { echo "imagemill: no python3 on PATH: install one (Debian: apt-get install python3 python3-dev python3-venv g++)" >&2; exit 2; }
	@$(ANY_PYTHON) requirements/make_venv.py "$(VENV)"
	@touch $@

.PHONY: demo
demo: $(STAMP) ## Run the whole pipeline on real handwritten digits
	$(BIN)/imagemill demo $(ARGS)

.PHONY: test
test: $(STAMP) ## Run all tests
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

.PHONY: test-fast
test-fast: $(STAMP) ## Run the tests that take seconds, not minutes
	$(BIN)/python -m pytest -m "not e2e" $(SIDE_BY_SIDE) $(ARGS)

.PHONY: lint
lint: $(STAMP) ## Check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy requirements/*.py

.PHONY: format
format: $(STAMP) ## Put the code in order: imports, layout, what can be mended safely
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(STAMP) ## Pin every dependency of both stacks anew (UPGRADE=1: to the newest that fit)
	$(COMPILE) requirements/build.in --universal --python-version 3.10 -o requirements/build.lock
	$(COMPILE) setup.py --extra test --extra lint requirements/legacy.in --python-version 3.10 --python-platform x86_64-manylinux_2_28 -o requirements/legacy.lock
	$(COMPILE) setup.py --extra test --extra lint --extra s3 requirements/modern.in --universal --python-version 3.11 -o requirements/modern.lock
	$(COMPILE) requirements/gpu.in --python-version 3.13 --python-platform x86_64-manylinux_2_39 -o requirements/gpu.lock

.PHONY: bench
bench: $(STAMP) ## Run the benchmarks (BENCH=startup: only that one)
	@for name in $(BENCH); do $(BIN)/python -m benchmarks.$$name $(ARGS) || exit 1; done

.PHONY: docs
docs: $(STAMP) ## Build the documentation into build/site; a broken link is an error
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements/docs.txt
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

.PHONY: clean
clean: ## Remove what was built and cached, but not the environment
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path "./$(VENV)" -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: ci
ci: ## Run what continuous integration runs: every check, on both stacks (as root)
	.ci/run
