# Everything a developer or an auditor runs. `make help` lists the words.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
# --universal: one lock serves every Python we support; hashes for every wheel.
COMPILE := $(BIN)/uv pip compile --quiet --no-config --system-certs --universal \
	--python-version 3.11 --generate-hashes --strip-extras \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test soak lint bench browser proto lock clean

help: ## List the words make knows here
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED) ## Run five sites, ask the pack, print the table (KEEP=1 leaves them up)
	$(BIN)/python -m coordinator.demo $(if $(filter-out 0,$(KEEP)),--keep)

test: $(INSTALLED) ## Run the tests, without the long ones
	$(PYTEST)

soak: $(INSTALLED) ## Run the long statistical and crash tests
	$(PYTEST) -m soak --timeout 7200

lint: $(INSTALLED) ## Check style, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy privacy proto node coordinator
	$(BIN)/lint-imports

bench: $(INSTALLED) ## Print the cost of privacy as ratios
	$(BIN)/python bench/run.py

browser: $(INSTALLED) ## Run the browser tests, where there are any
	@if [ -d tests/browser ]; then $(PYTEST) tests/browser; \
	else echo "The exchange has no browser pages yet, so there is nothing to drive."; fi

proto: $(INSTALLED) ## Write the message code again after changing a .proto file
	$(BIN)/python -m proto.generate

lock: $(INSTALLED) ## Pin the dependencies again (UPGRADE=1 takes newer versions)
	$(COMPILE) pyproject.toml --output-file requirements.lock
	$(COMPILE) pyproject.toml --all-extras --constraint requirements.lock \
		--output-file requirements-dev.lock

clean: ## Remove what make made
	rm -rf $(VENV) .demo build dist *.egg-info .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	find coordinator node privacy proto tests bench -name __pycache__ \
		-type d -prune -exec rm -rf {} +

# A changed lock starts from an empty environment, so nothing unlisted lingers.
$(LOCKED): requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"The exchange needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@

# The build tool comes from the lock too: nothing is fetched without a hash.
$(INSTALLED): $(LOCKED) pyproject.toml
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
