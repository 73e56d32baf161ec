# The set-up and the everyday commands. `make` alone lists them.
#
# Everything is installed into .venv. Each step leaves a stamp there when it has succeeded, so that
# a step is repeated only if it was interrupted or if something that it depends on has changed.

PYTHON ?= python3
# what pip is asked for; for the small build without CUDA:
#   make demo ROOM=2 TORCH="torch torchvision --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch torchvision
# gigabytes of disk space that the set-up needs
ROOM ?= 7
# 0: do without the compiled kernels
KERNELS ?= 1
# passed on, as in: make test ARGS="-k conv2d"
ARGS ?=
# processes that the test suite is divided among; each takes up to 2 GB of memory
WORKERS ?= 2

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
INSTALLED := $(VENV)/installed$(if $(filter 0,$(KERNELS)),-without-kernels)
PREFLIGHT := .ci/preflight.py $(if $(filter 0,$(KERNELS)),--no-kernels)
# keeps pip from exchanging the torch that was asked for
TORCH_CHOSEN := $(VENV)/torch.txt
CSRC := $(shell find csrc -type f 2>/dev/null)
CXX_SOURCES := $(filter %.cpp %.h %.cu %.cuh,$(CSRC))

# Compiled here and not by pip, which would say nothing meanwhile; it then finds the work done. Of
# every command only the name of the file is shown.
define COMPILE
@echo "==> compiling the kernels (the first time, some minutes)"
@$(BIN)/python setup.py --quiet build_ext --inplace 2>&1 | \
  sed -u -E 's#^(\[[0-9]+/[0-9]+\]) .* -c $(CURDIR)/([^ ]+) -o .*#\1 \2#'
endef

# read by setup.py
export INKGRAD_KERNELS := $(KERNELS)

# an environment that was moved, or whose Python is gone, is made anew
MADE_FOR := $(shell $(BIN)/python -c "print(open('$(VENV)/made').read())" 2>/dev/null)
ifneq ($(MADE_FOR),$(CURDIR))
RENEW := renew
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test bench gpu check install lint format clean distclean renew

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

demo: $(INSTALLED)  ## set up, then open the app on http://127.0.0.1:7860
	@$(BIN)/inkgrad demo $(ARGS)

test: $(INSTALLED)  ## set up, then run the test suite
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

bench: $(INSTALLED)  ## time the kernels against torch's own
	@$(BIN)/inkgrad bench $(ARGS)

gpu: $(INSTALLED)  ## on a machine with a GPU: tests, compute-sanitizer and benchmark
	@$(BIN)/python -m inkgrad_bench.gpu $(ARGS)

check: $(INSTALLED)  ## check results and derivatives of the kernels on this machine
	@$(BIN)/inkgrad check $(ARGS)

install: $(INSTALLED)  ## set up only

lint: $(VENV)/lint  ## ruff, mypy and clang-format, changing nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(if $(CXX_SOURCES),$(BIN)/clang-format --dry-run --Werror $(CXX_SOURCES))

format: $(VENV)/lint  ## format the sources
	$(BIN)/ruff check --fix --select I
	$(BIN)/ruff format
	$(if $(CXX_SOURCES),$(BIN)/clang-format -i $(CXX_SOURCES))

clean:  ## remove what was built
	rm -rf build dist pyext/*.egg-info pyext/inkgrad/*.so $(VENV)/installed*

distclean: clean  ## remove .venv as well
	rm -rf $(VENV)

$(VENV)/made: $(RENEW)
	@command -v $(PYTHON) >/dev/null || { \
	  echo "missing: $(PYTHON); install Python 3.10 or newer (Debian: apt-get install python3" \
	    "python3-venv python3-dev), or name yours: make demo PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) $(PREFLIGHT) --room $(ROOM)
	@echo "==> making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@printf %s "$(CURDIR)" > $@

$(VENV)/packages: $(VENV)/made
	@echo "==> installing torch and what the build needs (the first time, some minutes)"
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

# the extras of an inkgrad that is installed: pip adds only what they name
$(VENV)/lint $(VENV)/browser: $(INSTALLED)
	@$(PIP) install --constraint $(TORCH_CHOSEN) "inkgrad[$(@F)]"
	@touch $@
