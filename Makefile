# make run    the hello app on 127.0.0.1, with all that it needs
# make test   everything that must hold: lint, types, import laws, tests with real peers
# make bench  all benchmarks in one table, side by side with FreeRADIUS, radsecproxy and pyrad; 15 minutes
# make clean  forget the environment

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test bench clean check

run: .venv/installed
	@echo "Type this in another terminal, in this folder, to get an Access-Accept:"
	@echo "    $(BIN)/trioradius send auth 127.0.0.1 User-Name=alice User-Password=wonderland --secret testing123"
	@exec $(BIN)/trioradius run examples.hello:app --udp 127.0.0.1:1812

test: .venv/tested check
	scripts/peers
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --format=total | xargs echo "Branch coverage, per cent:"

check: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

bench: .venv/tested
	scripts/peers
	$(BIN)/python benchmarks/suite.py $(BENCH)

clean:
	rm -rf .venv

.venv/bin/python:
	scripts/environment $(PYTHON)

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/tested: pyproject.toml | .venv/installed
	$(BIN)/pip install --quiet --editable ".[dev,passwords,postgres,redis,metrics]" --group test --group check
	@touch $@
