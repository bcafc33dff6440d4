# Two commands do everything: `make run` and `make test`. Both set up what they need, once.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3)

.PHONY: run test panel setup setup-test lint screenshot clean

run: setup
	.venv/bin/chaoxun demo

test: setup-test
	scripts/check

setup:
	@$(PYTHON) scripts/setup.py

setup-test:
	@$(PYTHON) scripts/setup.py --test

panel: setup

lint: setup-test
	scripts/check --static

screenshot: setup-test  # of the demonstration that `make run` shows in another terminal
	.venv/bin/python scripts/screenshot.py docs/panel.png --when drone --then 6

clean:
	rm -rf .venv build var reports flightctl/panel/dist flightctl/panel/node_modules
