# make run         opens the program on its embedded exchange; nothing else is needed
# make test        everything a change must pass: lint, format, types, room contracts, tests

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 6
RULES := tests/unit/trading tests/unit/backtest tests/unit/strategy tests/independent
HOW := pyproject.toml constraints.txt .ci/setup .ci/compiled

.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run test check tests format compiled oracles nautilus cluster browser fuzz soak soak-week bench wheel constraints clean

help:
	@sed -n 's/^# //p' Makefile

run: $(VENV)/.installed
	@$(BIN)/papertape demo

test: check tests

check: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

## Collected once before, so that the tests are compiled once and not by each worker. Tests wait about as long as they
## compute, so that two cores are busy only with some more workers; none waits idly at the end.
tests: $(VENV)/.installed-dev
	-@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# make format      rewrites the code as the formatter and the sorter of imports want it
format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# make compiled    compiles the rules for this environment, and tests both builds of them
compiled: $(VENV)/.installed-dev
	@.ci/compiled $(VENV)
	$(BIN)/python -m pytest $(RULES)
	PAPERTAPE_PURE=1 $(BIN)/python -m pytest $(RULES)

# make oracles     trades, metrics and speed against independent libraries, in an environment of their own
oracles: $(VENV)-oracles/.installed
	-@.ci/nautilus $(VENV)-nautilus
	PAPERTAPE_NAUTILUS_PYTHON=$$(ls $(abspath $(VENV)-nautilus)/bin/python 2>/dev/null) \
		$(VENV)-oracles/bin/python -m pytest -m oracle
	$(VENV)-oracles/bin/python -m tests.benchmarks.backtest_speed

# make nautilus    Nautilus Trader in an environment of its own, for --broker nautilus, and its tests
nautilus: $(VENV)/.installed-dev
	@.ci/nautilus $(VENV)-nautilus
	PAPERTAPE_NAUTILUS_PYTHON=$(abspath $(VENV)-nautilus)/bin/python $(BIN)/python -m pytest -m nautilus
	PAPERTAPE_NAUTILUS_PYTHON=$(abspath $(VENV)-nautilus)/bin/python $(BIN)/python -m tests.recovery.soak_nautilus

# make browser     the screen in a browser (needs Chromium)
browser: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m browser -rs

# make cluster     the tests of --cluster, on Dask clusters of this machine, in an environment of their own
cluster: $(VENV)-cluster/.installed
	$(VENV)-cluster/bin/python -m pytest -m cluster
	$(VENV)-cluster/bin/python -m tests.benchmarks.cluster_cost --quick

# make fuzz        readers, drivers and the simulator of the rules against anything, 2,000 examples each (EXAMPLES=20000)
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m fuzz --hypothesis-profile=fuzz -o faulthandler_timeout=0 -n $(WORKERS)

# make soak        hosts and commands killed at many points, exchanges that fail in every way, a terminal nobody reads
soak: $(VENV)/.installed-dev
	$(BIN)/python -m tests.recovery.soak_kill --points 240
	$(BIN)/python -m tests.recovery.soak_commands --points 300
	$(BIN)/python -m tests.recovery.soak_files --points 120
	$(BIN)/python -m tests.recovery.soak_orders --points 40
	$(BIN)/python -m tests.recovery.soak_faults --mixtures 200
	$(BIN)/python -m tests.recovery.soak_terminal

# make soak-week   a week of minutes for fifty sessions, on an exchange that fails (some 20 minutes)
soak-week: $(VENV)/.installed-dev
	$(BIN)/python -m tests.recovery.soak_week

# make bench       the measured numbers: backtest, sweep, step, sessions, comparisons, the errors of trials
bench: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.backtest_speed --no-peers
	$(BIN)/python -m tests.benchmarks.bench_sessions
	$(BIN)/python -m tests.benchmarks.bench_load
	$(BIN)/python -m tests.benchmarks.bench_terminal
	$(BIN)/python -m tests.benchmarks.bench_terminal --keys-of 200 --first-frame
	$(BIN)/python -m tests.benchmarks.bench_pages
	$(BIN)/python -m tests.benchmarks.compare_speed
	$(BIN)/python -m tests.benchmarks.trial_error_rates --quick
	$(BIN)/python -m tests.benchmarks.gate_error_rates --edgeless 20 --planted 10
	$(BIN)/python -m tests.benchmarks.accelerated_trials --trials 20 --injected 10

# make wheel       dist/papertape-*.whl
wheel: $(VENV)/.installed-dev
	$(BIN)/python -m hatchling build -t wheel

# make constraints every version anew, for every Python that is supported (needs uv)
constraints:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
		--no-annotate --no-header --quiet --output-file constraints.txt

clean:
	rm -rf $(VENV) $(VENV)-oracles $(VENV)-nautilus $(VENV)-cluster dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.installed: $(HOW)
	@.ci/setup $(VENV) compiled
	@touch $@

$(VENV)/.installed-dev: $(HOW)
	@.ci/setup $(VENV) dev
	@touch $@ $(VENV)/.installed

$(VENV)-cluster/.installed: $(HOW)
	@.ci/setup $(VENV)-cluster dev cluster
	@touch $@

$(VENV)-oracles/.installed: $(HOW)
	@.ci/setup $(VENV)-oracles dev oracles
	@touch $@
