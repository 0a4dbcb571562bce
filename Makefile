# The project's commands. `make` alone lists them. GNU make, sh and Python 3.11+ are all they need;
# everything is installed into .venv, once, and again when pyproject.toml changes.

# No target ever spends money: whatever names a paid account stays outside.
unexport $(filter OPENAI_% AZURE_OPENAI_%,$(.VARIABLES)) CHATNB_MODEL

VENV := .venv
PYTHON := $(VENV)/bin/python
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3 python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
ARGS ?=

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'

lab: $(VENV)/lab.stamp ## open JupyterLab on the first notebook (ARGS=--no-browser for a server)
	@$(VENV)/bin/chatnb local fetch
	@$(VENV)/bin/chatnb lab $(ARGS)

demo: $(VENV)/lab.stamp ## the first notebook without a browser: prompts, answers, the log
	@$(VENV)/bin/chatnb local fetch
	@$(VENV)/bin/chatnb demo $(ARGS)

test: $(VENV)/dev.stamp ## every test, with the embedded model and a real browser (ARGS for pytest)
	@$(VENV)/bin/chatnb local fetch
	@$(PYTHON) -m tests.browser.chromium
	$(PYTHON) -m pytest -n 2 $(ARGS)

check: $(VENV)/dev.stamp ## ruff and mypy
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: $(VENV)/dev.stamp ## how fast, against the bare SDK in the same run; the panel needs a browser
	$(PYTHON) -m tests.bench $(ARGS)

fuzz: $(VENV)/dev.stamp ## properties with new examples for a minute (ARGS=--seconds=600)
	$(PYTHON) -m tests.fuzz $(ARGS)

notebooks: $(VENV)/dev.stamp ## execute the notebooks with the embedded model and keep their outputs
	@$(VENV)/bin/chatnb local fetch
	$(PYTHON) -m tests.notebooks $(ARGS)

picture: $(VENV)/dev.stamp ## the pictures of the README, taken by browser tests
	@$(VENV)/bin/chatnb local fetch
	@$(PYTHON) -m tests.browser.chromium
	$(PYTHON) -m pytest -q tests/browser/test_chat_journey.py -k picture
	$(PYTHON) -m pytest -q tests/browser/test_panel_looks.py -k picture
	cp screenshots/readme.png notebooks/images/jupyterlab.png
	cp screenshots/panel.png notebooks/images/panel.png

$(VENV)/made.stamp:
	@for candidate in $(CANDIDATES); do \
	  if $$candidate -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$candidate --version)"; \
	    if $$candidate -c 'import ensurepip' 2>/dev/null; then $$candidate -m venv --clear $(VENV); \
	    else $(call with_own_pip,$$candidate); fi && touch $@ && exit 0; \
	  fi; \
	done; \
	echo "chatnb needs Python 3.11 or newer with pip and venv (on Debian: python3-venv); looked for: $(CANDIDATES)." >&2; exit 1

# Debian's Python has no ensurepip without python3-venv; a pip of 22.3 or newer can install one.
define with_own_pip
$1 -m venv --clear --without-pip $(VENV) && $1 -m pip --python $(PYTHON) install --quiet pip
endef

$(VENV)/lab.stamp: pyproject.toml | $(VENV)/made.stamp
	@echo "Installing chatnb, JupyterLab and the model's engine into $(VENV): once, about a minute"
	@$(PIP) --editable '.[local,lab]'
	@touch $@

# Dependency groups came with pip 25.1.
$(VENV)/dev.stamp: pyproject.toml $(VENV)/lab.stamp
	@echo "Installing what tests need into $(VENV): once, about a minute"
	@$(PIP) --upgrade 'pip>=25.1'
	@$(PIP) --group dev
	@touch $@

.PHONY: help lab demo test check bench fuzz notebooks picture
