# `make demo` and `make test` each set up everything they need first; see CONTRIBUTING.md.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# make demo DATA=folder BOX=px OUT=folder VIEW=no ARGS="..."
DATA :=
BOX :=
OUT :=
VIEW := yes
ARGS :=
PARTS :=
# make chaos RUNS=200 COMMAND=pick SEED=1
RUNS := 60
COMMAND :=
SEED :=
# make fuzz READER=star SECONDS=60
READER := all
SECONDS := 60

# Tests start a hundred interpreters: each would compile all modules again, and both runs of pytest
# rewrite all tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint docs screenshots reproduce bench chaos fuzz general constraints clean

help: ## Say what can be made (the default)
	@sed -n 's/^\([a-z]*\):[^#]*## /\1	/p' Makefile | expand -t 14

demo: $(INSTALLED) ## Simulate or read micrographs, train, pick, evaluate: DATA= BOX= OUT= VIEW=no
	@sh scripts/window_packages.sh || echo "Going on: only windows will not open."
	$(BIN)/napari-deepem demo $(if $(DATA),--data "$(DATA)") $(if $(BOX),--box "$(BOX)") \
		$(if $(OUT),--out "$(OUT)") $(if $(filter no,$(VIEW)),--no-view) $(ARGS)

test: lint ## Check style and types, then run the tests: ARGS= goes to pytest
	@sh scripts/window_packages.sh || echo "Going on: tests that open a window will fail."
	@sh scripts/slurm_packages.sh || echo "Going on: tests with SLURM will be skipped."
	$(BIN)/python -m pytest $(ARGS)

lint: $(INSTALLED) ## Check style and types only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(INSTALLED) ## Make the site of all documents, build/site/index.html; tests do so, too
	$(BIN)/python -m sphinx --fail-on-warning --fresh-env --quiet \
		--conf-dir docs --doctree-dir build/doctrees . build/site

screenshots: $(INSTALLED) ## Make the pictures of the user guide anew
	@sh scripts/window_packages.sh
	$(BIN)/python docs/make_screenshots.py
	$(BIN)/python docs/make_simulated.py
	$(BIN)/python docs/make_plateau.py
	$(BIN)/python docs/make_animation.py

reproduce: $(INSTALLED) ## Measure the paper's figures and other pickers anew, into docs/: TOPAZ=
	$(BIN)/python benchmarks/reproduction.py
	$(BIN)/python benchmarks/few_clicks.py
	$(BIN)/python benchmarks/comparison.py
	@sh scripts/relion_packages.sh
	$(BIN)/python benchmarks/classes.py

bench: $(INSTALLED) ## Measure how fast everything is, into benchmarks/RESULTS.md: PARTS="scoring sliders"
	@sh scripts/window_packages.sh || echo "Going on: the sliders need a window."
	$(BIN)/python benchmarks/speed.py $(PARTS)

chaos: $(INSTALLED) ## Kill commands at random moments and run them again: RUNS= COMMAND= SEED=
	$(BIN)/python chaos/kills.py --runs $(RUNS) $(if $(COMMAND),--command $(COMMAND)) \
		$(if $(SEED),--seed $(SEED))

fuzz: $(INSTALLED) ## Feed readers of files with mutated ones: READER=star SECONDS=60
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints-dev.txt --editable '.[fuzz]'
	$(BIN)/python fuzz/fuzz.py $(READER) --seconds $(SECONDS)

general: $(INSTALLED) ## Make the general network anew, from chance alone; can be stopped: ARGS="--seed 1"
	$(BIN)/python general/make.py $(ARGS)

constraints: $(INSTALLED) ## Pin what is installed now as constraints-dev.txt
	$(BIN)/python scripts/write_constraints.py > constraints-dev.new
	mv constraints-dev.new constraints-dev.txt

clean: ## Remove the environment and everything that tools left behind
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests docs benchmarks chaos fuzz general scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints-dev.txt scripts/install.sh
	@PYTHON="$(PYTHON)" sh scripts/install.sh
