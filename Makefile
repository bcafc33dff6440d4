# Two commands do everything: `make run` and `make test`. Both set up what they need, once.
SHELL := /bin/bash
# The first Python that truly runs and is new enough; set PYTHON=... to choose.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done || true)

.PHONY: run test panel setup setup-test lint screenshot clean

run: setup
	.venv/bin/chaoxun demo

test: setup-test
	scripts/check

setup:
	@$(if $(PYTHON),,$(error Chaoxun needs Python 3.11 or newer))$(PYTHON) scripts/setup.py

setup-test:
	@$(if $(PYTHON),,$(error Chaoxun needs Python 3.11 or newer))$(PYTHON) scripts/setup.py --test

panel: setup

lint: setup-test
	scripts/check --static

screenshot: setup-test  # of the demonstration that `make run` shows in another terminal
	.venv/bin/python scripts/screenshot.py docs/panel.png --when drone --then 6

clean:
	rm -rf .venv build var reports flightctl/panel/dist flightctl/panel/node_modules
