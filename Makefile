# Only Python 3.11 or newer has to be there: the first target that runs builds .venv from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint bench lock

demo: $(READY)  ## two regions in one process, in memory: a real league is played while the link is cut and healed
	$(BIN)/dojo demo

test: $(READY)  ## every test; those on a real Kafka and Redis need Java
	$(BIN)/python -m pytest -ra

lint: $(READY)  ## style, format, types, direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## the replica on a real Kafka and Redis, beside a loop written by hand
	$(BIN)/python benchmarks/bench_pipeline.py

LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command "make lock"

lock:  ## renew both lock files, the image's from the other's versions; needs uv
	$(LOCK) --upgrade --group dev --extra redis-server --output-file requirements.lock
	$(LOCK) --upgrade --group build --constraints requirements.lock --output-file deploy/requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("$(PYTHON) is Python %d.%d, dojopool needs 3.11 or newer: run make PYTHON=/path/to/python3.11" % v[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
