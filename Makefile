# One word for each thing a newcomer wants. Everything lives in .venv; nothing needs root, keys or a network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := adapters strategies risk config actors cluster tests
export FLOTILLA_HOME ?= $(CURDIR)/state/demo

.DEFAULT_GOAL := help
.PHONY: help setup run check test bench chaos soak build format clean

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## the environment in .venv, pinned, with compiled bytecode

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --upgrade setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $(READY)

run: setup ## the demo fleet with a live table; Ctrl-C stops it in order; FOR=60s ends it by itself
	$(BIN)/flotilla demo config/demo.yaml $(if $(FOR),--for $(FOR))

check: setup ## ruff, mypy --strict, import-linter, secrets
	$(BIN)/ruff format --check $(PACKAGES)
	$(BIN)/ruff check $(PACKAGES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

test: setup ## everything, on real Ray too
	$(BIN)/python -m pytest -m 'not ray' --numprocesses 2 --dist worksteal
	$(BIN)/python -m pytest -m ray

bench: setup ## ratios against what one would otherwise pick; the last result is docs/benchmarks.md
	$(BIN)/python -m tests.bench

chaos: setup ## a real fleet under random deaths and freezes, judged by its exchange; FOR=600 (seconds), SEED=7
	$(BIN)/python -m tests.chaos --for $(or $(FOR),600) $(if $(SEED),--seed $(SEED))

soak: setup ## an hour of simulated faults on two cores; SEEDS=A:B for others
	$(BIN)/flotilla simulate-faults --seeds $(or $(SEEDS),1000000:1012000)

build: setup ## the wheel
	$(BIN)/python -m build --wheel --no-isolation

format: setup ## ruff's formatting and its safe fixes
	$(BIN)/ruff format $(PACKAGES)
	$(BIN)/ruff check --fix $(PACKAGES)

clean: ## the environment, caches and the demo's state
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache state
