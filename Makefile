# The two commands of a newcomer are `make demo` and `make test`; the rest is for working here.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check format pure integration chaos mutate bench up down docs schemas lock clean

help: ## List the targets.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(INSTALLED): dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(INSTALLED) ## Run the main job on an embedded Kafka and Postgres and print its report.
	$(BIN)/millrace demo $(ARGS)

test: check integration ## Everything a change has to pass.

check: $(INSTALLED) ## Format, lint, types, import contracts, and the tests that need no server.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not integration and not chaos and not slow"

format: $(INSTALLED) ## Format and fix what can be fixed.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

integration: $(INSTALLED) ## Tests on the real embedded Kafka and Postgres.
	$(BIN)/pytest -m "integration and not chaos and not slow"

chaos: $(INSTALLED) ## Kill and pause everything on the real stack; takes the better part of an hour.
	$(BIN)/pytest -m "chaos or slow" --timeout 3600

mutate: $(INSTALLED) ## Put small mistakes into the ledger and count those its tests catch.
	$(BIN)/python -m tests.mutation $(ARGS)

bench: $(INSTALLED) ## Measure, and write docs/reference/performance.md.
	$(BIN)/millrace bench $(ARGS)

up: $(INSTALLED) ## Start the platform in the background.
	$(BIN)/millrace up --detach $(ARGS)

down: $(INSTALLED) ## Stop it.
	$(BIN)/millrace down $(ARGS)

docs: $(INSTALLED) ## Generate docs/reference from the code.
	$(BIN)/python -m ops.reference

schemas: $(INSTALLED) ## Give new contract messages their Avro schema and id.
	$(BIN)/python -m ops.register_schemas
	$(BIN)/python -m ops.example_messages

lock: $(INSTALLED) ## Pin every dependency with its hashes, naming no index.
	$(BIN)/uv pip compile pyproject.toml --group dev --no-emit-index-url --no-header --no-annotate --no-strip-extras --generate-hashes --exclude-newer "1 week" -o dev.lock

clean: ## Remove the environment and what tools leave behind.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
