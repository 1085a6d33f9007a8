# Each target does all of its own set-up on a machine that has only Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A CPU-only machine may prefer smaller wheels: make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=

# One model for text, voice and face from a folder of corpora: make model CORPORA=DIR
CORPORA ?=
PRESET ?= base

.PHONY: demo model test coverage check sbom docs clean

demo: $(VENV)/.demo
	$(BIN)/mmerc demo --out demo-run

model: $(VENV)/.demo
	@test -n '$(CORPORA)' || { echo "name the folder of the corpora: make model CORPORA=DIR" >&2; exit 2; }
	test $(PRESET) != base || { $(BIN)/mmerc weights fetch mpnet whisper-base voice-encoder; }
	$(BIN)/mmerc build --corpora $(CORPORA) --preset $(PRESET) --out model-run

# Counting the covered lines takes little time from Python 3.12 on, and half as long as the tests themselves before.
test: check
	$(BIN)/pytest -n 2 --dist worksteal $$($(BIN)/python -c 'import sys; print("--cov" * (sys.version_info >= (3, 12)))')

coverage: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist worksteal --cov

# The manual as a site, in site/.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

check: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks docs examples tools
	$(BIN)/ruff format --check --quiet src tests benchmarks docs examples tools
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src tools examples
	$(BIN)/python tools/audit.py

# The bill of materials of an environment, by default of this one: make sbom PYTHON_OF=/opt/mmerc/bin/python
PYTHON_OF ?= $(BIN)/python
sbom: $(VENV)/.dev
	@mkdir -p dist
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file dist/mmerc.cdx.json $(PYTHON_OF)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mmerc needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) 'torch>=2.8,<2.14'

$(VENV)/.demo: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable '.[demo]'
	$(BIN)/mmerc weights fetch mtcnn
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable '.[demo,dev,docs]'
	@touch $@

clean:
	rm -rf $(VENV) demo-run site dist
