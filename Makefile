.PHONY: setup demo test check format lint types imports lock
PY := .venv/bin/python

setup: ## environment from the lock file
	@scripts/setup.sh

demo: setup ## the main job, without a key
	@$(PY) -m nightcrew.cli demo $(ARGS)

test: setup ## every test
	@$(PY) -m pytest $(ARGS)

check: lint types imports test ## everything a contributor needs

lint: setup
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .

format: setup
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

types: setup
	@$(PY) -m mypy

imports: setup
	@.venv/bin/lint-imports

lock: ## resolve the dependencies again
	uv pip compile pyproject.toml --quiet --universal --generate-hashes --python-version 3.12 \
		--extra analytics --group dev --output-file requirements.lock --custom-compile-command "make lock"
