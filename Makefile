# Only Python 3.11 or newer has to be there: the first target that runs builds .venv from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-compiled lint bench lock

demo: $(READY)  ## two regions in one process, in memory: a real league is played while the link is cut and healed
	$(BIN)/dojo demo

test: $(READY)  ## every test; those on a real Kafka and Redis need Java
	$(BIN)/python -m pytest -ra

# What the compiled modules can change, with the build in an environment of its own; needs a C compiler and the headers of Python.
test-compiled: .venv-compiled/.ready  ## the tests of core, codec and games on a compiled build
	.venv-compiled/bin/python -m pytest -ra --override-ini=cache_dir=.venv-compiled/pytest_cache $(COMPILED_TESTS)

# Where schemas are found in a checkout is not what an installed build can be asked.
COMPILED_TESTS := --ignore=tests/unit/codec/test_schema_files.py tests/test_compiled.py tests/unit/core tests/unit/codec tests/unit/games tests/unit/test_game.py \
  tests/unit/replica tests/properties tests/scenarios

lint: $(READY)  ## style, format, types, direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Without a C compiler the bench goes on, and says which rows it skips.
bench: $(READY) .venv-bench/.ready  ## every figure of benchmarks/README.md; half an hour
	-@$(MAKE) --no-print-directory .venv-compiled/.ready
	$(BIN)/python benchmarks/bench_all.py

LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command "make lock"

lock:  ## renew both lock files, the image's from the other's versions; needs uv
	$(LOCK) --upgrade --group dev --extra redis-server --extra telemetry --output-file requirements.lock
	$(LOCK) --upgrade --group build --group compile --extra telemetry --constraints requirements.lock --output-file deploy/requirements.lock

.venv-compiled/.ready: requirements.lock pyproject.toml hatch_build.py $(shell find services schemas -type f -not -name '*.pyc')
	@rm -f $@
	$(PYTHON) -m venv .venv-compiled
	.venv-compiled/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	DOJO_COMPILE=1 .venv-compiled/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation --force-reinstall .
	@touch $@

# The peers need older versions than dojopool of what both use, hence an environment of their own.
.venv-bench/.ready: benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("$(PYTHON) is Python %d.%d, dojopool needs 3.11 or newer: run make PYTHON=/path/to/python3.11" % v[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
