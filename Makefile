# make demo   set everything up, make the sample studies, run a protocol to its report
# make test   the same set-up, then checks and the whole default test suite
# make bench  our speed as ratios to peers, in one run
SHELL := /bin/bash
.DEFAULT_GOAL := help
TASK ?= cxr
PROTOCOL_cxr := protocols/gallery/cxr-opacity-acceptance.yaml
PROTOCOL_compare := protocols/gallery/cxr-two-models.yaml
PROTOCOL_grades := protocols/gallery/retinopathy-grading.yaml
PROTOCOL_classes := protocols/gallery/stroke-classes.yaml
PROTOCOL_findings := protocols/gallery/cxr-findings.yaml
PROTOCOL_cardiac := protocols/gallery/cardiac-heartnet.yaml
PROTOCOL_masks := protocols/gallery/cardiac-ventricles.yaml
PROTOCOL_nodules := protocols/gallery/ct-nodules.yaml
# studies of volumes, made from a seed where they are asked for
VOLUMES_cardiac := cardiac
VOLUMES_masks := cardiac
VOLUMES_nodules := nodules
RUN := runs/demo-$(TASK)
VALIDATE := .venv/bin/validate

.PHONY: help setup demo test lint bench examples sample constraints coverage

help:
	@sed -n 's/^# //p' Makefile

setup:
	@.ci/setup

sample: setup
	@$(VALIDATE) sample sample_data --if-missing

demo: sample
	@test -n "$(PROTOCOL_$(TASK))" || { echo "no demo called '$(TASK)'; there are: cxr, compare, grades, classes, findings, cardiac, masks, nodules" >&2; exit 2; }
	@test -z "$(VOLUMES_$(TASK))" || $(VALIDATE) sample sample_volumes --only $(VOLUMES_$(TASK)) --if-missing
	@# a demonstration starts from nothing: no earlier run, no earlier lock
	@rm -rf $(RUN) $(PROTOCOL_$(TASK):.yaml=.lock.json)
	@$(VALIDATE) run $(PROTOCOL_$(TASK)) --out $(RUN); code=$$?; \
	case $$code in 0|10|11|12) exit 0;; *) exit $$code;; esac

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

test: lint
	@.venv/bin/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal

bench: setup
	@.ci/peers
	@.services/peers/bin/python tests/benchmarks/run.py

# 10,000 simulated studies in each of hundreds of cells: about an hour and a half on two cores; resumes where it stopped
coverage: setup
	@.venv/bin/python tests/benchmarks/coverage_study.py --out runs/coverage
	@.venv/bin/python tests/benchmarks/coverage_report.py --table runs/coverage/coverage.csv
	@.venv/bin/python tests/benchmarks/verdict_study.py --out runs/verdicts
	@.venv/bin/python tests/benchmarks/verdict_report.py --table runs/verdicts/verdicts.csv

# after a deliberate change of dependencies: versions as installed here, minus what must not be pinned by build
constraints: setup
	@.venv/bin/python .ci/constraints.py > constraints.new && mv constraints.new constraints.txt

# the rendered reports that are committed, and the picture in README.md (needs poppler-utils for the picture)
examples: sample
	@# a home of their own: no earlier look stands in its ledger, and nobody's account in the trail
	@rm -f runs/example-home/ledger.sqlite*
	@set -e; export VALIDATE_HOME=$(CURDIR)/runs/example-home VALIDATE_ACTOR="A. Example"; for name in cxr-opacity-acceptance cxr-opacity-table cxr-two-models retinopathy-grading; do \
	  rm -rf runs/example-$$name protocols/gallery/$$name.lock.json; \
	  $(VALIDATE) run protocols/gallery/$$name.yaml --out runs/example-$$name >/dev/null || [ $$? -ge 10 ]; \
	  cp runs/example-$$name/report/report.pdf reports/examples/$$name.pdf; \
	  cp runs/example-$$name/report/report.html reports/examples/$$name.html; \
	  if command -v pdftoppm >/dev/null; then \
	    pdftoppm -r 80 -png -f 1 -l 1 -singlefile reports/examples/$$name.pdf reports/examples/$$name-1; fi; \
	done; ls -l reports/examples
