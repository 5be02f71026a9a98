# Every target sets up what it needs: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test lint types unit bench scale trials results clean

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

setup: $(READY)  ## Create .venv with pinned versions of everything

demo: $(READY)  ## Semantic IDs for 20,000 real diagnosis codes, with figures and a report
	$(BIN)/python examples/demo.py --out demo

test: lint types unit  ## Everything that CI runs

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

bench: $(READY)  ## Time every step beside its peers and its limit, and write docs/speed.md (20 minutes)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[peers]'
	$(BIN)/python benchmarks/speed_embedding.py
	$(BIN)/python benchmarks/speed_loss.py
	$(BIN)/python benchmarks/speed_sampler.py
	$(BIN)/python benchmarks/speed_codes.py
	$(BIN)/python benchmarks/speed_training.py
	$(BIN)/python benchmarks/speed_page.py

scale: $(READY)  ## Measure what every step costs as a catalogue grows, and write docs/scale.md (15 minutes)
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/scale_page.py

trials: $(READY)  ## Train everything behind docs/results.md: make trials DATA=folder (takes long)
	$(BIN)/python benchmarks/catalogues.py $(DATA) --fronts tree --ceilings
	$(BIN)/python benchmarks/catalogues.py $(DATA) --split leaves
	$(BIN)/python benchmarks/ablations.py $(DATA)
	$(BIN)/python benchmarks/results_page.py

results: $(READY)  ## Make docs/results.md and the README's table from the result files
	$(BIN)/python benchmarks/results_page.py

clean:  ## Remove what the other targets made
	rm -rf $(VENV) demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
