# make demo     the built-in study, end to end: demo/report.html and demo/winner.keras
# make test     lint, types, import contract, and the tests but for the long ones
# make test-long  the long tests: real kills, fuzzing, the real notMNIST, examples, other processes
# make coverage  all tests, and how much of the code they reach: 98 % at least
# make checks   lint, types and the import contract alone
# make install  the set-up alone: a virtual environment in .venv
# make backends the tests on Keras's TensorFlow backend, in an environment of its own
# make bench    time kohort beside its peers: some work, some peers (docs/benchmarks.md)
# make bench-all  all work and all peers, kinds of models, growth, a hundred variants, the engine's promises, a large store, and 100,000 members: hours
# make plain    the environment of benchmarks: what `pip install .` brings, without what tests need
# make peers    the environment of peers that kohort does not need: PyTorch, scikit-learn, KerasTuner
# make gpu      a thousand members on a GPU, beside the limit
# make simulations  how often intervals and findings are right: docs/simulations.json, in an hour on two cores
# make kills    end a study by SIGKILL fifty times, a search thirty, and compare them with undisturbed ones
# make kills-ray  kill workers, nodes, drivers and heads of a Ray cluster thirty times, and compare
# make fuzz     100,000 damaged files for each reader, chosen by what they reach (atheris)
# make versions tests with the oldest and the newest Keras, JAX and others that kohort takes
# make keras-suite  Keras's own tests of fit, alone and through kohort: docs/keras-suite.md
# make docs     write the generated pages of docs/ again
# make site     the site of docs/, in site/docs/index.html; it executes the notebook, a minute; a warning ends it
# make dist     the wheel and the sdist, in dist/, checked

# The newest Python that is known to have wheels of every dependency comes first. A name may be
# there and not work (a shim without an interpreter behind it), so each is tried.
CANDIDATES := $(PYTHON) python3.13 python3.12 python3.14 python3 python /usr/bin/python3
FIND := for p in $(CANDIDATES); do \
	if "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; \
	then echo "$$p"; break; fi; done
BIN := .venv/bin
STAMP := .venv/installed
TENSORFLOW := .venv-tensorflow
PLAIN := .venv-plain
PEERS := .venv-peers
PYTEST = $(BIN)/python -m pytest -q -n 2 --dist worksteal $(COVER)

.PHONY: install demo test test-long coverage checks tensorflow backends plain peers bench bench-all gpu \
	simulations kills kills-ray fuzz versions keras-suite docs docs-tools site dist clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@python="$$($(FIND))"; \
	if [ -z "$$python" ]; then \
		echo "kohort needs Python 3.12 or newer with its venv module, and found none." >&2; \
		echo "Install one (on Debian: apt-get install python3 python3-venv)," >&2; \
		echo "or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
		exit 1; \
	fi; \
	echo "Setting up .venv with $$("$$python" --version)"; \
	"$$python" -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--build-constraint constraints.txt --editable . --group dev
	@touch $(STAMP)

demo: install
	$(BIN)/kohort demo --out demo

# What only reads the source runs beside the tests; what it says stands below theirs.
test: install
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; \
	$(MAKE) --no-print-directory checks >"$$said" 2>&1 & checks=$$!; \
	$(PYTEST) -m "not long"; tests=$$?; \
	wait $$checks; checks=$$?; \
	cat "$$said"; \
	exit $$((tests || checks))

checks: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-long: install
	$(PYTEST) -m long

coverage: install
	$(BIN)/coverage erase
	$(MAKE) --keep-going test test-long \
		COVER="--cov --cov-append --cov-report= --cov-fail-under=0"
	$(BIN)/coverage report

# TensorFlow wants an older h5py, and nobody who uses kohort needs it: it stays out of .venv.
tensorflow: $(TENSORFLOW)/installed

$(TENSORFLOW)/installed: $(STAMP) constraints-tensorflow.txt
	$(BIN)/python -m venv --clear $(TENSORFLOW)
	$(TENSORFLOW)/bin/python -m pip install --quiet --upgrade pip \
		--constraint constraints-tensorflow.txt
	$(TENSORFLOW)/bin/python -m pip install --quiet --constraint constraints-tensorflow.txt \
		--build-constraint constraints.txt --editable . tensorflow-cpu tensorboard pytest
	@touch $@

backends: tensorflow
	KOHORT_TENSORFLOW_PYTHON=$(CURDIR)/$(TENSORFLOW)/bin/python KOHORT_REQUIRE_TENSORFLOW=1 \
		$(BIN)/python -m pytest -q tests/backends

# Keras imports scikit-learn, which only tests need, where it is there: half as long again.
plain: $(PLAIN)/installed

$(PLAIN)/installed: $(STAMP) constraints.txt
	$(BIN)/python -m venv --clear $(PLAIN)
	$(PLAIN)/bin/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	$(PLAIN)/bin/python -m pip install --quiet --constraint constraints.txt \
		--build-constraint constraints.txt --editable .
	@touch $@

# Ranges, not pins: a benchmark is fair where each peer is as new as it can be. KerasTuner imports
# six and does not ask for it.
peers: $(PEERS)/installed

$(PEERS)/installed: $(STAMP)
	$(BIN)/python -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet "torch>=2.6" "keras>=3.13" \
		"jax>=0.11" "scikit-learn>=1.7" "keras-tuner>=1.4.7" six
	@touch $@

bench: install plain
	$(BIN)/python -m benchmarks.run --profile

bench-all: install plain tensorflow peers
	$(BIN)/python -m benchmarks.run --work all --peers all --profile --name all
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.hundred
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.first
	$(BIN)/python -m benchmarks.breadth
	$(BIN)/python -m benchmarks.thousand
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.retention
	$(BIN)/python -m benchmarks.live

# A thousand members on a GPU, where JAX finds one; else the estimate.
gpu: install
	$(BIN)/python -m benchmarks.gpu

# As many processes as cores, so one thread in each.
simulations: install
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m simulations

kills: install
	$(BIN)/python -m scripts.kills --kills 50
	$(BIN)/python -m scripts.kills --kills 30 --what search

kills-ray: install
	$(BIN)/python -m scripts.kills_ray --kills 20
	$(BIN)/python -m scripts.kills_ray --kills 6 --what search
	$(BIN)/python -m scripts.kills_ray --kills 4 --postgres

fuzz: install
	$(BIN)/python -m scripts.fuzz --reader all --inputs 100000

versions: install
	$(BIN)/python -m scripts.versions

# Some half hour, and another where it has to look for the tests that call fit (--find).
keras-suite: install tensorflow
	$(BIN)/python -m scripts.keras_suite --tensorflow $(CURDIR)/$(TENSORFLOW)/bin/python
	$(BIN)/python -m scripts.docs

docs: install
	$(BIN)/python -m scripts.docs

# Sphinx and twine are for the site and the release alone: `make demo` does not wait for them.
docs-tools: .venv/docs-tools

.venv/docs-tools: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	@touch $@

site: docs-tools
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html -c docs . site

dist: docs-tools
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m twine check --strict dist/*

clean:
	rm -rf .venv $(TENSORFLOW) $(PEERS) .venv-versions demo dist site jupyter_execute fuzz \
		.coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
