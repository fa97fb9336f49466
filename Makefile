# make run, make test: all that a user needs. The rest is for who works on it.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# setuptools' default editable install of a flat layout loses twisted/plugins; compat keeps it.
EDITABLE = $(BIN)/pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat
# A run must not trip over the pid file of another twistd in this directory.
SERVE = $(BIN)/twistd -n --pidfile= wsfallback

.PHONY: run test check docs format coverage trial matrix soak clean

run: $(VENV)/run.stamp
	$(SERVE) $(OPTIONS)

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest $(TESTS)

# Writes the table of docs/howto/gateway.rst anew, with all foreign peers.
matrix: $(VENV)/test.stamp
	CI=true WSFALLBACK_MATRIX=write $(BIN)/python -m pytest tests/integration/test_forward.py

# Writes the figures of docs/explanation/soak.rst anew: two runs of some minutes, on Linux.
soak: $(VENV)/test.stamp
	$(BIN)/python benchmarks/soak.py --json docs/explanation/soak_server.json
	$(BIN)/python benchmarks/soak.py --gateway --connections 2000 --cycles 2 --json docs/explanation/soak_gateway.json

trial: $(VENV)/test.stamp
	$(BIN)/python -m twisted.trial --temp-directory=$(VENV)/trial tests

check: $(VENV)/check.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy wsfallback

# The pure layer has every branch run by the tests of its own.
coverage: $(VENV)/test.stamp
	$(BIN)/python -m coverage run -m pytest --quiet tests --ignore=tests/integration
	$(BIN)/python -m coverage report --show-missing
	$(BIN)/python -m coverage report --fail-under=100 \
		--include='wsfallback/errors.py,wsfallback/events.py,wsfallback/head.py,wsfallback/request.py,wsfallback/response.py,wsfallback/destination.py,wsfallback/drafts/*'

docs: $(VENV)/docs.stamp
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

format: $(VENV)/check.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info .coverage

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wsfallback needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV) || { echo 'Debian has venv in a package of its own: apt install python3-venv'; exit 1; }

$(VENV)/run.stamp: setup.cfg pyproject.toml | $(BIN)/python
	$(EDITABLE) -e '.[tls,metrics]'
	touch $@

$(VENV)/test.stamp $(VENV)/check.stamp $(VENV)/docs.stamp: $(VENV)/%.stamp: setup.cfg pyproject.toml | $(BIN)/python
	$(EDITABLE) -e '.[$*]'
	touch $@
