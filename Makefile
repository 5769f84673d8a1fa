# What a person or a CI server asks of this project. `make demo` and `make test` need nothing before them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= auto
PYTEST_ARGS ?=
BENCH_ARGS ?=
BUTLER ?= .venv-butler

# a test run starts two thousand processes of ours: what they load is compiled once, not by each of them
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test check lint types imports format bench bench-far bench-growth bench-start bench-fits bench-xrif bench-catalogue bench-export bench-pipeline bench-retention fuzz faults crash simulate mutate coverage clean
.PHONY: butler packages-demo packages-test packages-faults packages-bench

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## build .venv; .venv/bin/nightferry is then the command

$(READY): pyproject.toml tools/setup.sh
	@PYTHON="$(PYTHON)" tools/setup.sh environment "$(VENV)"

demo: packages-demo $(READY) ## a small observatory in a temporary folder, and a nightly run over it
	@$(BIN)/nightferry demo

test: packages-test $(READY) ## every test; real sshd, rsync and SMTP server on loopback
	@exec $(BIN)/python -m pytest -n "$(WORKERS)" --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)

check: lint types imports ## lint, format, types and who may import whom

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

imports: $(READY)
	@$(BIN)/lint-imports

format: $(READY) ## put the sources into the house's form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: packages-bench $(READY) ## the project beside its peers, near and far (half an hour; ROWS="idle fresh-a-0": some of it); writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.bench $(BENCH_ARGS) $(ROWS)

bench-far: packages-bench $(READY) ## of that, what lies 20 and 100 ms away (network namespaces: root)
	@$(BIN)/python -m benchmarks.bench --far-only $(BENCH_ARGS) $(ROWS)

bench-growth: packages-bench $(READY) ## does the cost follow the window or the archive? 10^4 to 10^6 files; writes docs/benchmarks-growth.md
	@$(BIN)/python -m benchmarks.growth $(BENCH_ARGS)

bench-start: packages-bench $(READY) ## start of the command, and what it loads; writes docs/benchmarks-start.md
	@$(BIN)/python -m benchmarks.start $(BENCH_ARGS)

bench-fits: $(READY) ## is a FITS file whole? beside astropy and fitsio (installed if it can be had); writes docs/benchmarks-fits.md
	@$(BIN)/python -c "import fitsio" 2>/dev/null || $(BIN)/python -m pip install --quiet fitsio || true
	@$(BIN)/python -m benchmarks.fits $(BENCH_ARGS)

bench-pipeline: $(READY) ## the steps of a night beside the tools alone; writes docs/benchmarks-pipeline.md
	@$(BIN)/python -m benchmarks.pipeline $(BENCH_ARGS)

bench-retention: $(READY) ## evidence and freeing by proof beside sha256sum and rm; writes docs/benchmarks-retention.md
	@$(BIN)/python -m benchmarks.retention $(BENCH_ARGS)

bench-xrif: $(READY) ## decoding of stream archives beside plain numpy, a year of telemetry, and bench-export; writes docs/benchmarks-xrif.md
	@$(BIN)/python -m benchmarks.xrif $(BENCH_ARGS)
	@$(MAKE) --no-print-directory bench-export BENCH_ARGS=

bench-catalogue: packages-test $(READY) ## cataloguing 100,000 files, questions to millions of exposures; writes docs/benchmarks-catalogue.md
	@$(BIN)/python -m benchmarks.holdings $(BENCH_ARGS)
	@$(BIN)/python -m benchmarks.datasets $(DATASETS_ARGS)
	@$(BIN)/python -m benchmarks.ingest $(INGEST_ARGS)

bench-export: $(READY) ## export of 200 archives and spans over a year of telemetry; writes docs/benchmarks-export.md
	@$(BIN)/python -m benchmarks.export $(BENCH_ARGS)

butler: $(READY) ## our table of datasets handed to the real `butler ingest-files`, which is installed beside .venv
	@test -x "$(BUTLER)/bin/butler" || { $(PYTHON) -m venv "$(BUTLER)" && "$(BUTLER)/bin/pip" install --quiet lsst-daf-butler; }
	@BUTLER_PYTHON="$(abspath $(BUTLER))/bin/python" $(BIN)/python -m pytest -q tests/butler/accepted.py

fuzz: $(READY) ## the parsers of archives and telemetry, millions of executions (atheris if it can be had); writes docs/fuzzing.md
	@$(BIN)/python -c "import atheris" 2>/dev/null || $(BIN)/python -m pip install --quiet atheris || true
	@$(BIN)/python -m tests.fuzz.run $(FUZZ_ARGS)

faults: packages-faults $(READY) ## every fault at full size, rsync and rclone beside it; writes docs/faults.md
	@$(BIN)/python -m tests.faults.page

crash: packages-test $(READY) ## kill and fail at every write, fsync, rename and unlink of every flow (long)
	@$(BIN)/python -m tests.crash.everywhere $(CRASH_ARGS)

simulate: $(READY) ## SEEDS=n simulated sites; SEED=n plays one of them again
	@$(BIN)/python -m tests.simulation.play $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),20000))

mutate: packages-test $(READY) ## change the code that decides, line by line: do the tests see it? writes docs/mutation.md
	@$(BIN)/python -m pip install --quiet --group mutation
	@$(BIN)/python -m tests.mutation.run

coverage: packages-test $(READY) ## every branch of what decides: compare, plan, nights, names, specification, report model
	@$(BIN)/python -m pytest -n "$(WORKERS)" --maxprocesses 4 -q tests/unit tests/contract/test_instruments_d.py \
	    --cov=observatory.compare --cov=syncer.candidates --cov=syncer.plan --cov=observatory.nights --cov=observatory.names \
	    --cov=observatory.spec --cov=reports.model --cov-branch --cov-report=term-missing --cov-fail-under=100

packages-demo packages-test packages-faults packages-bench: packages-%:
	@PYTHON="$(PYTHON)" tools/setup.sh packages "$*"

clean: ## remove what the targets above have made
	rm -rf "$(VENV)" .venv-butler build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
