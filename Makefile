# make run    the hello app on 127.0.0.1, with all that it needs
# make test   everything that must hold: lint, types, import laws, tests with real peers
# make coverage  the tests again, and how much of the code they run; 20 minutes
# make compiled  a wheel in dist/ with the way of a packet as machine code; docs/how-to/compiled.md
# make bench  all benchmarks in one table, side by side with FreeRADIUS, radsecproxy and pyrad; 15 minutes
# make clean  forget the environment

PYTHON ?= python3
BIN := .venv/bin

# The compiled package before the sources of this folder.
COMPILED := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/.compiled:$(CURDIR) TRIORADIUS_COMPILED=1
# As many at once as there are cores; what a process has left over it takes from another one.
PYTEST := pytest -q --numprocesses auto --maxprocesses 8 --dist worksteal
ON_THE_WAY := tests/attributes tests/protocol tests/vectors tests/stores tests/peers tests/transports tests/faults \
    tests/authentication tests/eap tests/interop tests/test_*.py

.PHONY: run test test-plain test-compiled check coverage compiled bench clean

run: .venv/installed
	@echo "Type this in another terminal, in this folder, to get an Access-Accept:"
	@echo "    $(BIN)/trioradius send auth 127.0.0.1 User-Name=alice User-Password=wonderland --secret testing123"
	@exec $(BIN)/trioradius run examples.hello:app --udp 127.0.0.1:1812

test: check test-plain test-compiled

test-plain: .venv/tested
	scripts/peers
	$(BIN)/python -m $(PYTEST)

test-compiled: .venv/tested compiled
	scripts/peers
	$(COMPILED) $(BIN)/python -m $(PYTEST) $(ON_THE_WAY)

coverage: .venv/tested
	scripts/peers
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --format=total | xargs echo "Branch coverage, per cent:"

compiled: .compiled/installed

.compiled/installed: pyproject.toml scripts/compiled $(shell find trioradius -type f -not -name '*.pyc') | .venv/bin/python
	scripts/compiled .compiled
	@touch $@

check: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

bench: .venv/tested compiled
	scripts/peers
	PYTHONPATH=$(CURDIR)/.compiled $(BIN)/python benchmarks/suite.py $(BENCH)

clean:
	rm -rf .venv .compiled

.venv/bin/python:
	scripts/environment $(PYTHON)

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/tested: pyproject.toml | .venv/installed
	$(BIN)/pip install --quiet --editable ".[dev,passwords,postgres,redis,metrics]" --group test --group check
	@touch $@
