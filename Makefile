# Set-up and everyday commands; `make` alone lists them.
#
# Everything is installed into .venv. Each completed step leaves a stamp file there, so a step is
# repeated only if it was interrupted or if one of its inputs changed.

PYTHON ?= python3
# What pip installs as torch. The small build without CUDA:
#   make demo ROOM=2 TORCH="torch torchvision --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch torchvision
# make wheel TORCH="2.14 2.15" builds for these versions, whichever torch is installed.
VERSIONS := $(filter 2.%,$(TORCH))
ifneq ($(VERSIONS),)
override TORCH := torch torchvision
endif
# Gigabytes of disk space that the set-up needs.
ROOM ?= 7
# 0: do not compile the kernels. By default they are compiled for this machine; INKGRAD_ALL=1 compiles
# those for other processors and GPUs too.
KERNELS ?= 1
# Passed to the command, as in: make test ARGS="-k conv2d"
ARGS ?=
# Processes that run the tests; each takes up to 2 GB of memory.
WORKERS ?= 2

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
INSTALLED := $(VENV)/installed$(if $(filter 0,$(KERNELS)),-without-kernels)$(if $(filter 1,$(INKGRAD_ALL)),-all)
PREFLIGHT := .ci/preflight.py $(if $(filter 0,$(KERNELS)),--no-kernels)
# A constraint that keeps pip from replacing the chosen torch.
TORCH_CHOSEN := $(VENV)/torch.txt
CSRC := $(shell find csrc -type f 2>/dev/null)
CXX_SOURCES := $(filter %.cpp %.h %.cu %.cuh,$(CSRC)) $(wildcard tests/cross/*.cpp)
JAVASCRIPT := "demo/**/*.js" "benchmarks/**/*.js" "tests/**/*.mjs"

# Compile before pip does, because pip hides the progress; pip then finds the objects. The output is
# reduced to one file name per command.
define COMPILE
@echo "==> compiling the kernels (some minutes the first time)"
@$(BIN)/python setup.py --quiet build_ext --inplace 2>&1 | \
  sed -u -E 's#^(\[[0-9]+/[0-9]+\]) .* -c $(CURDIR)/([^ ]+) -o .*#\1 \2#'
endef

# Read by setup.py.
export INKGRAD_KERNELS := $(KERNELS)

# Recreate an environment that was moved or whose Python is gone.
MADE_FOR := $(shell $(BIN)/python -c "print(open('$(VENV)/made').read())" 2>/dev/null)
ifneq ($(MADE_FOR),$(CURDIR))
RENEW := renew
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test bench gpu check sanitize cross wheel docs screenshots install lint format clean distclean renew

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

demo: $(INSTALLED)  ## set up, then open the app on http://127.0.0.1:7860
	@$(BIN)/inkgrad demo $(ARGS)

test: $(INSTALLED)  ## set up, then run the tests
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

bench: $(INSTALLED)  ## time the ops against native torch
	@$(BIN)/inkgrad bench $(ARGS)

gpu: $(INSTALLED)  ## on a machine with a GPU: tests, compute-sanitizer and benchmark
	@$(BIN)/python benchmarks/gpu.py $(ARGS)

check: $(INSTALLED)  ## check results and derivatives on this machine
	@$(BIN)/inkgrad check $(ARGS)

sanitize: $(INSTALLED)  ## fuzz the ops under sanitizers, in a build of their own
	@$(BIN)/python .ci/sanitize.py $(ARGS)

cross: $(INSTALLED)  ## test the kernels compiled by clang, and for aarch64 under QEMU
	@$(BIN)/python .ci/cross.py $(ARGS)

wheel: $(INSTALLED) $(if $(VERSIONS),$(VENV)/wheel)  ## build a wheel in dist, for this machine; TORCH="2.14 2.15" for others, KERNELS=0 for any
	@$(if $(VERSIONS),$(BIN)/python .ci/wheel.py $(VERSIONS) $(ARGS),$(PIP) wheel --quiet --no-build-isolation --no-deps --wheel-dir dist .)
	@echo "Built $$(ls -t dist/*.whl | head -1)"

docs: $(VENV)/docs  ## build the documentation site in build/docs
	@$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs build/docs
	@echo "Built build/docs/index.html"

screenshots: $(VENV)/browser  ## retake the pictures of README and docs from the running app
	@$(BIN)/python docs/screenshots.py $(ARGS)

install: $(INSTALLED)  ## set up only

lint: $(VENV)/lint  ## ruff, mypy, clang-format, oxlint and oxfmt; changes nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/oxlint demo benchmarks tests
	$(BIN)/oxfmt --check $(JAVASCRIPT)
	$(if $(CXX_SOURCES),$(BIN)/clang-format --dry-run --Werror $(CXX_SOURCES))

format: $(VENV)/lint  ## format the sources
	$(BIN)/ruff check --fix --select I
	$(BIN)/ruff format
	$(BIN)/oxfmt $(JAVASCRIPT)
	$(if $(CXX_SOURCES),$(BIN)/clang-format -i $(CXX_SOURCES))

clean:  ## remove build results
	rm -rf build dist pyext/*.egg-info pyext/inkgrad/*.so $(VENV)/installed*

distclean: clean  ## remove .venv as well
	rm -rf $(VENV)

$(VENV)/made: $(RENEW)
	@command -v $(PYTHON) >/dev/null || { \
	  echo "missing: $(PYTHON); install Python 3.10 or newer (Debian: apt-get install python3" \
	    "python3-venv python3-dev), or name another one: make demo PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) $(PREFLIGHT) --room $(ROOM)
	@echo "==> creating $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@printf %s "$(CURDIR)" > $@

$(VENV)/packages: $(VENV)/made
	@echo "==> installing torch and the build tools (some minutes the first time)"
	@$(PIP) install --upgrade pip "setuptools>=77" ninja
	@$(PIP) install $(TORCH)
	@$(PIP) freeze | grep "^torch==" > $(TORCH_CHOSEN)
	@touch $@

$(INSTALLED): $(VENV)/packages pyproject.toml $(wildcard setup.py) $(CSRC)
	@$(BIN)/python $(PREFLIGHT)
	$(if $(filter 0,$(KERNELS)),,$(COMPILE))
	@echo "==> installing inkgrad"
	@$(PIP) install --constraint $(TORCH_CHOSEN) --no-build-isolation --editable ".[demo,plots,test]"
	@touch $@

# Extras of the installed inkgrad: pip adds only their packages.
$(VENV)/lint $(VENV)/browser $(VENV)/docs $(VENV)/wheel: $(INSTALLED)
	@$(PIP) install --constraint $(TORCH_CHOSEN) "inkgrad[$(@F)]"
	@touch $@
