# make book | pdf | test | measure | serve | notebooks | clean: see the README.
.DEFAULT_GOAL := book
SHELL := bash
.SHELLFLAGS := -eo pipefail -c

# The interpreter that makes .venv: 3.11, as the published site, or the next
# that is there.
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV := .venv
BIN := $(VENV)/bin
SITE := _build/html
PORT ?= 8000

# Processes that share the tests; each takes up to 3 GB of memory. Cells share a
# kernel, so that one process runs all of a notebook: "loadscope".
WORKERS ?= 2
SHARED := -n $(WORKERS) --dist worksteal

# Cells tagged nbval-check-output are compared, the others run for errors.
NBVAL := -n $(WORKERS) --dist loadscope \
  --nbval-lax --nbval-current-env --nbval-cell-timeout=900 \
  --nbval-kernel-startup-timeout=120 \
  --nbval-sanitize-with tests/nbval_sanitize.cfg -p no:cacheprovider

export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: book pdf test measure serve notebooks clean install browser

install: $(VENV)/.installed

# Nothing is reinstalled until one of the two files changes.
$(VENV)/.installed: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation -e .
	@touch $@

book: install
	@$(BIN)/python scripts/build_book.py

pdf: book browser
	@$(BIN)/python scripts/make_pdf.py

test: install browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest $(SHARED) tests --ignore=tests/site
	CCT_PROFILE=smoke $(BIN)/python -m pytest $(NBVAL) notebooks
	@$(BIN)/python scripts/build_book.py
	$(BIN)/python -m pytest $(SHARED) tests/site

# How fast the pages appear, for the page that says it; best on an idle machine.
measure: book browser
	@$(BIN)/python scripts/measure_site.py

# One line says what to do where no Chromium can be had.
browser: install
	@$(BIN)/python scripts/find_chromium.py --install > /dev/null

serve: book
	@echo "http://localhost:$(PORT)/ (Ctrl-C stops)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

# Re-execute every chapter in place; NOTEBOOKS="01 03" picks some.
notebooks: install
	CCT_PROFILE=$${CCT_PROFILE:-quick} $(BIN)/python \
	  scripts/execute_notebooks.py $(NOTEBOOKS)

clean:
	rm -rf _build build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
