# Two commands do all the set-up: `make demo` ranks real models on real images, `make test` runs the
# tests. Each makes .venv and installs pinned versions into it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements/constraints.txt
# Tests run in one process per core, those of a group in one; each process then uses one thread.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs pictures bench clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/'

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/.demo: $(BIN)/python pyproject.toml requirements/constraints.txt
	@echo "installing discorank and what the demo needs into .venv (a few minutes, once)"
	$(PIP) --editable '.[demo]'
	@touch $@

.venv/.dev: .venv/.demo requirements/dev.txt
	$(PIP) --requirement requirements/dev.txt
	@touch $@

demo: .venv/.demo ## rank real pre-trained models on real images
	@$(BIN)/discorank demo

test: .venv/.dev ## run the tests
	$(PYTEST)

lint: .venv/.dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev ## mypy, strict
	$(BIN)/mypy

docs: .venv/.dev ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

.venv/.bench: .venv/.dev requirements/bench.txt
	$(PIP) --requirement requirements/bench.txt
	@touch $@

bench: .venv/.bench ## time and memory, as ratios against a yardstick measured in the same run
	$(BIN)/python -m benchmarks

pictures: .venv/.dev ## draw the pictures of the README again (needs chromium)
	$(BIN)/python -m benchmarks.pictures

clean: ## remove the environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
