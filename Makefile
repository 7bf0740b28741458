.PHONY: help setup demo test check format lint unused types imports wheel house picture docs lock
PY := .venv/bin/python
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## environment from the lock file
	@scripts/setup.sh

demo: setup ## the main job, without a key
	@$(PY) -m nightcrew.cli demo $(ARGS)

test: setup ## every test, in two processes, and what failed once more, alone; with ARGS those that it names, in one
	@$(PY) $(if $(ARGS),-m pytest $(ARGS),scripts/run_tests.py)

check: lint unused types imports test ## everything a contributor needs

lint: setup ## format and lint rules
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .

format: setup ## rewrite the code by these rules
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

unused: setup ## code that nobody calls
	@.venv/bin/vulture

types: setup ## mypy, strict
	@$(PY) -m mypy

imports: setup ## the arrows between the rooms
	@.venv/bin/lint-imports

wheel: setup ## build the wheel and run the demo from it in an empty folder
	@scripts/check_wheel.sh $(ARGS)

house: setup ## figures about the shape of the source tree
	@$(PY) scripts/house.py $(ARGS)

picture: setup ## draw the imports between the rooms into docs/architecture.md again
	@$(PY) scripts/picture.py --write

docs: ## build the docs site into build/docs; a broken link makes it fail
	@scripts/docs.sh

RESOLVE := .venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.12 --custom-compile-command "make lock"
RUNTIME := src/nightcrew/openhands/runtime

lock: ## resolve the dependencies again: ours, those of the docs site and of the agent's runtime
	$(RESOLVE) pyproject.toml --extra analytics --extra redis --extra s3 --extra traces --group dev --output-file requirements.lock
	$(RESOLVE) --group docs --output-file requirements-docs.lock
	$(RESOLVE) $(RUNTIME).in --no-config --override $(RUNTIME).overrides --no-annotate --output-file $(RUNTIME).lock
