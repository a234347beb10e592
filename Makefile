# Every developer command; `make` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# Bytecode of the package is written at install; a process start costs 1.2 s with it and 4 s without.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check format lock calibration calibration-table test-real test-slow test-report test-cluster bench bench-scale prerank fuzz docs clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "ohmics needs Python 3.11, 3.12 or 3.13; say for example: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "setting up $(VENV) (about two minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: $(STAMP) ## run the whole workflow on toy cohorts with planted resistance
	@$(BIN)/ohmics demo --out demo --cores 2

test: $(STAMP) ## run the tests (under 10 minutes on 2 cores)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not real and not browser" -q

check: $(STAMP) ## format, lint, types, import rules, workflow lint
	@$(BIN)/ruff format --check src tests tools benchmarks
	@$(BIN)/ruff check src tests tools benchmarks
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/snakefmt --check --compact-diff Snakefile workflow
	@$(BIN)/ohmics catalog check
	@$(BIN)/python tools/lint_workflow.py

format: $(STAMP) ## format code and workflow
	@$(BIN)/ruff format src tests tools benchmarks
	@$(BIN)/ruff check --fix-only src tests tools benchmarks
	@$(BIN)/snakefmt Snakefile workflow

test-real: $(STAMP) ## tests on real data (OHMICS_DATA names the folder)
	@test -n "$$OHMICS_DATA" || { echo "set OHMICS_DATA to the folder with the real data sets"; exit 1; }
	@$(BIN)/python -m pytest -q tests/real -m real

test-slow: $(STAMP) ## the tests that take longer: whole workflow runs, killed runs, large embeddings
	@$(BIN)/python -m pytest -q -m "slow and not real and not browser" tests

test-report: $(STAMP) ## tests of the pages in a headless Chromium
	@$(BIN)/python -m pytest -q tests/report -m browser

test-cluster: $(STAMP) ## the workflow on a SLURM started on loopback, undisturbed and with faults (root; Debian's slurmctld slurmd slurm-client munge)
	@$(BIN)/python -m pytest -q tests/cluster -m cluster

fuzz: $(STAMP) ## change files at random for ten minutes and give them to every reader; writes benchmarks/fuzz.json
	@$(BIN)/python tools/fuzz.py --seconds 600

calibration: $(STAMP) ## measure error rates where the code changed since (hours for all); writes benchmarks, docs/calibration.tsv
	@nice -n 10 $(BIN)/python tools/calibration.py

calibration-table: $(STAMP) ## gather benchmarks/*.json into docs/calibration.tsv
	@$(BIN)/python tools/calibration_table.py

prerank: $(STAMP) ## how far off gseapy's prerank is on real residuals: the table of benchmarks/riaz.json
	@$(BIN)/python tests/calibration/riaz_full.py --show

bench: $(STAMP) ## scoring and tests beside their peers in one run
	@$(BIN)/python benchmarks/score.py
	@$(BIN)/python benchmarks/stats.py --markdown benchmarks/stats.md --json benchmarks/stats.json

bench-scale: $(STAMP) ## 10,000, 100,000 and 1,000,000 toy cells from files to reports, plain scanpy beside (hours)
	@$(BIN)/python benchmarks/scale.py --choices 10000 100000

docs: $(STAMP) ## build the documentation into docs/_build/html (warnings are errors)
	@$(BIN)/python -m sphinx -q -W --keep-going -n -b html -d docs/_build/trees docs docs/_build/html
	@echo "docs/_build/html/index.html"

lock: $(STAMP) ## resolve the lock anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras --no-header \
	  --no-annotate pyproject.toml -o requirements.lock

clean: ## remove the environment and what was made
	@rm -rf $(VENV) demo docs/_build docs/generated .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .snakemake
