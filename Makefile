# Dropout Lab. `make` lists what there is to make.

VENV := .venv
PY := $(VENV)/bin/python

# The first Python of at least 3.11 on the path; `make run PYTHON=/path/to/python3.12` names another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done)

# Where pip finds another build of PyTorch than the ordinary one (TORCH_INDEX=…): the Dockerfile names the one for CPUs.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

RUNTIME := $(VENV)/.runtime-installed
BUILD := $(VENV)/.build-installed
DEV := $(VENV)/.dev-installed
BUNDLER := node_modules/.bundler-installed
NODE_TOOLS := node_modules/.installed
PAGE := built/manifest.json
PYTHON_CODE := app trainer dropout_lab tests benchmarks scripts evidence

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run dev page wheel wheel-check test browsers fuzz processors check fix bench load chaos gpu-check evidence docker docs screenshot lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: $(RUNTIME) ## start the lab; PORT=8000 and HOST=127.0.0.1 say where
	@$(MAKE) --no-print-directory $(PAGE) || echo "The lab starts all the same; its page comes in some 200 files." >&2
	@exec $(PY) -m app

dev: $(RUNTIME) ## start the lab with the page's single modules, for those who change them
	@exec env DROPOUT_LAB_SINGLE_MODULES=1 $(PY) -m app

page: $(PAGE) ## bundle the page, as `make run` does when its files have changed

wheel: $(PAGE) ## make the wheel in dist/, for `pip install dist/…`
	@$(PY) -m scripts.wheel

wheel-check: wheel ## install the wheel with all it needs in a fresh environment, and try it; ARGS=torch==2.13.0
	@$(PY) -m scripts.wheel.check $(ARGS)

test: $(DEV) $(NODE_TOOLS) ## run all tests; ARGS='-k raster' some of them
	@$(PY) -m tests.browser.chromium
	@$(PY) -m tests.nginx
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal --durations 40 --ignore tests/browsers $(ARGS)

browsers: $(DEV) ## what a person does with the page, in Firefox and in WebKit; ARGS='-k webkit' in one of them
	@$(PY) -m tests.browsers.firefox
	@$(PY) -m tests.browsers.webkit
	OMP_NUM_THREADS=1 $(PY) -m pytest tests/browsers $(ARGS)

fuzz: $(DEV) ## try 100,000 broken inputs on whatever reads; ARGS=1000000 more of them, ARGS='50000 --first 100000' others
	OMP_NUM_THREADS=1 $(PY) -m tests.fuzz $(ARGS)

processors: $(DEV) ## run the numeric tests as other processors would; ARGS names some of them
	$(PY) -m scripts.processors $(ARGS)

check: $(DEV) $(NODE_TOOLS) ## look at format, lint and types, and change nothing
	$(PY) -m ruff format --check $(PYTHON_CODE)
	$(PY) -m ruff check $(PYTHON_CODE)
	$(PY) -m mypy $(PYTHON_CODE)
	$(PY) scripts/npm.py run --silent check

fix: $(DEV) $(NODE_TOOLS) ## repair format and lint where a tool can
	$(PY) -m ruff format $(PYTHON_CODE)
	$(PY) -m ruff check --fix $(PYTHON_CODE)
	$(PY) scripts/npm.py run --silent fix

bench: $(DEV) $(BUNDLER) ## measure, side by side with a plain PyTorch loop
	$(PY) -m benchmarks

load: $(DEV) ## measure a class: many runs with a viewer each; ARGS='--runs 10 --rounds 2 --seconds 3'
	$(PY) -m benchmarks.load $(ARGS)

chaos: $(DEV) ## kill workers and servers under load, and compare every loss; ARGS='--kills 5'
	$(PY) -m benchmarks.chaos $(ARGS)

gpu-check: ## tell whether this machine's GPU does what the tests say of the CPU; ARGS='--parts 1,3'
	@$(if $(wildcard $(PY)),$(PY),$(PYTHON)) -m scripts.gpu_check $(ARGS)

evidence: $(RUNTIME) ## every experiment beside plain PyTorch, seed by seed; ARGS='--stored' judges what the page has
	$(PY) -m evidence $(ARGS)

docker: ## build the image `dropout-lab`; TORCH_INDEX=… chooses the build of PyTorch
	docker build --tag dropout-lab $(if $(filter undefined,$(origin TORCH_INDEX)),,--build-arg TORCH_INDEX=$(TORCH_INDEX)) .

docs: $(DEV) ## write the generated documents anew
	$(PY) -m scripts.reference

screenshot: $(DEV) ## take the pictures of docs/img
	$(PY) -m scripts.screenshot

lock: $(PY) ## write the lock files anew from requirements.in, requirements-build.in and requirements-dev.in
	$(PIP) --upgrade -r requirements.in -r requirements-build.in -r requirements-dev.in
	$(PY) scripts/lock.py

clean: ## remove what was installed and made
	rm -rf $(VENV) node_modules built dist test-results .hypothesis .pytest_cache .mypy_cache .ruff_cache
	find $(PYTHON_CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.lock | $(PY)
	@echo "Installing what the lab needs into $(VENV): the first time takes minutes, PyTorch is large."
	$(PIP) -r requirements.lock
	@touch $@

$(BUILD): requirements-build.lock | $(PY)
	@echo "Installing Node.js into $(VENV), which bundles the page."
	$(PIP) -r requirements-build.lock
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME) $(BUILD)
	@echo "Installing what tests and checks need into $(VENV)."
	$(PIP) -r requirements-dev.lock
	@touch $@

$(BUNDLER): package-lock.json $(BUILD)
	$(PY) scripts/npm.py ci --silent --ignore-scripts --omit=dev --fetch-retries=1
	@touch $@

$(NODE_TOOLS): package-lock.json $(BUILD)
	$(PY) scripts/npm.py ci --silent --ignore-scripts
	@touch $@ $(BUNDLER)

$(PAGE): $(shell find static -type f) scripts/bundle.py scripts/bundle.mjs app/delivery.py trainer/settings/panels.py $(RUNTIME) $(BUNDLER)
	@$(PY) -m scripts.bundle

$(PY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "Dropout Lab needs Python 3.11 or newer; here is $$(python3 --version 2>/dev/null || echo none)." >&2; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) could not make a virtual environment. Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
