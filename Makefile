# `make help` lists what can be done. Nothing but Python 3.11+ and make is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8025

# Where an image forbids it, every start of every test's process would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo run test test-slow test-systems check bench soak lock wheel clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime

demo: $(VENV)/.runtime ## Try everything in a browser: http://127.0.0.1:8025
	@exec $(BIN)/ats-bot demo --port $(PORT)

run: $(VENV)/.runtime ## The production bot, with its settings in the environment
	@exec $(BIN)/ats-bot run

test: $(VENV)/.dev ## The fast tests
	$(BIN)/python -m pytest -n 4 --dist worksteal -o faulthandler_timeout=180 -o faulthandler_exit_on_timeout=true

test-slow: $(VENV)/.dev ## Real kills, a real browser, the built wheel
	$(BIN)/python -m pytest -m slow

test-systems: $(VENV)/.dev ## Real PM2, PostgreSQL, Redis, Docker, … which this installs (as root)
	.ci/install-systems
	$(BIN)/python -m pytest -m systems -n 2 --dist loadfile tests/systems

check: $(VENV)/.dev ## ruff, mypy strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## The figures, as JSON lines
	$(BIN)/python -m bench

soak: $(VENV)/.dev ## Five minutes of ladder under workers that are killed, then a storm of 1,000 triggers in a minute
	ATS_SOAK_SECONDS=300 ATS_STORM=1000 $(BIN)/python -m pytest -n 0 -s -m slow tests/system/test_soak.py tests/system/test_storm_minute.py

lock: $(VENV)/.dev ## Pin again what pyproject.toml asks for (make lock UPGRADE=--upgrade: the newest versions)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links pyproject.toml --group build -o requirements.lock
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links pyproject.toml --group dev -o requirements-dev.lock

wheel: $(VENV)/.dev ## Build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

clean: ## Remove what was made here, the virtual environment included
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache artifacts
