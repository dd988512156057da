# Dropout Lab. `make` lists what there is to make.

VENV := .venv
PY := $(VENV)/bin/python

# The first Python of at least 3.11 on the path; `make run PYTHON=/path/to/python3.12` names another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done)

# Where pip finds another build of PyTorch than the ordinary one (TORCH_INDEX=…): the Dockerfile names the one for CPUs.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
NODE_TOOLS := node_modules/.installed
PYTHON_CODE := app trainer tests benchmarks scripts evidence

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check fix bench evidence docker docs screenshot lock clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: $(RUNTIME) ## start the lab; PORT=8000 and HOST=127.0.0.1 say where
	@exec $(PY) -m app

test: $(DEV) ## run all tests; ARGS='-k raster' some of them
	@$(PY) -m tests.browser.chromium
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile $(ARGS)

check: $(DEV) $(NODE_TOOLS) ## look at format, lint and types, and change nothing
	$(PY) -m ruff format --check $(PYTHON_CODE)
	$(PY) -m ruff check $(PYTHON_CODE)
	$(PY) -m mypy $(PYTHON_CODE)
	$(PY) scripts/npm.py run --silent check

fix: $(DEV) $(NODE_TOOLS) ## repair format and lint where a tool can
	$(PY) -m ruff format $(PYTHON_CODE)
	$(PY) -m ruff check --fix $(PYTHON_CODE)
	$(PY) scripts/npm.py run --silent fix

bench: $(DEV) ## measure, side by side with a plain PyTorch loop
	$(PY) -m benchmarks

evidence: $(RUNTIME) ## run every experiment over 5 seeds beside what is expected; ARGS='--presets twin,rate'
	$(PY) -m evidence $(ARGS)

docker: ## build the image `dropout-lab`; TORCH_INDEX=… chooses the build of PyTorch
	docker build --tag dropout-lab $(if $(filter undefined,$(origin TORCH_INDEX)),,--build-arg TORCH_INDEX=$(TORCH_INDEX)) .

docs: $(DEV) ## write docs/knobs.md and docs/settings.md anew
	$(PY) -m scripts.reference

screenshot: $(DEV) ## take the pictures of docs/img
	$(PY) -m scripts.screenshot

lock: $(PY) ## write the lock files anew from requirements.in and requirements-dev.in
	$(PIP) --upgrade -r requirements.in -r requirements-dev.in
	$(PY) scripts/lock.py

clean: ## remove what was installed and made
	rm -rf $(VENV) node_modules test-results .pytest_cache .mypy_cache .ruff_cache
	find $(PYTHON_CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.lock | $(PY)
	@echo "Installing what the lab needs into $(VENV): the first time takes minutes, PyTorch is large."
	$(PIP) -r requirements.lock
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@echo "Installing what tests and checks need into $(VENV)."
	$(PIP) -r requirements-dev.lock
	@touch $@

$(NODE_TOOLS): package-lock.json $(DEV)
	$(PY) scripts/npm.py ci --silent
	@touch $@

$(PY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "Dropout Lab needs Python 3.11 or newer; here is $$(python3 --version 2>/dev/null || echo none)." >&2; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) could not make a virtual environment. Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
