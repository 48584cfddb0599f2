# Two commands matter to a newcomer: `make demo` and `make test`. Both set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check lint types e2e soak setup sheets bench clean

demo: $(READY)  ## Render the bundled sample through the real daemon and say where the result is.
	@$(BIN)/lipsyncd demo

test: $(READY)  ## Unit tests: quick, no network.
	$(BIN)/pytest -m "not e2e and not soak" -n 4 --dist worksteal

check: lint types test e2e  ## What CI runs.

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

e2e: $(READY)  ## Real processes, real renders, real crashes.
	@$(BIN)/python -m tests.nodes.cache  # real IPFS and Arweave nodes from npm; says why where that cannot be
	$(BIN)/pytest -m "e2e and not soak" -n 3 --dist loadfile

soak: $(READY)  ## Slow: minutes to hours. Not part of check.
	$(BIN)/pytest -m soak --timeout 36000

bench: $(READY)  ## Measure, and rewrite docs/figures.md.
	$(BIN)/python -m benchmarks

sheets: $(READY)  ## Draw docs/gallery again.
	$(BIN)/python -m benchmarks.gallery

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "lipsyncd needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
	  { echo "This Python cannot make virtual environments. On Debian: apt install python3-venv"; exit 1; }
	@echo "Fetching packages into $(VENV): some minutes without a word, 2 GB and more."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e ".[dev,face-alignment]"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps face-alignment  # it would bring a second OpenCV: docs/models.md
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info demo .mypy_cache .ruff_cache .pytest_cache
