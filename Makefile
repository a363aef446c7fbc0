# The targets are what CI runs: `make check` here and .ci/run on a fresh machine.

# The first Python that is new enough; looked for only when .venv is made.
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p $(IS_NEW_ENOUGH) 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.installed
STUBS := clients/python/dalsegno/v1
RULES := server/dalsegno/rpc/generated/rules.binpb
# Processes that share the tests: many of them wait for servers.
WORKERS ?= 3
# What `make test-crash` does; SEED=n does it again as it was done.
KILLS ?= 60
RUNS ?= 200
WATCHERS ?= 50
# What `make test-power` and `make test-faults` do, and SEED likewise.
STATES ?= 10000
ROUNDS ?= 20
# $(call where,TEST,WHAT,COMMAND): without a toolchain, one line says so and the rest goes on; in CI
# it is a failure.
where = if $(1) >/dev/null 2>&1; then $(3); \
	else echo "$@: skipped, there is no $(2)"; test -z "$$CI"; fi
HAS_GO := (cd clients/go && go list -m)
HAS_NODE := (node -e 'process.exit(+(parseInt(process.versions.node) < 20))' && npm --version)
NODE := Node.js 20 or newer
GO := Go $(shell sed -n "s/^go //p" clients/go/go.mod) or newer

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Make .venv with everything pinned; PYTHON=python3.12 picks another Python
	@:

$(STAMP): constraints.txt requirements-dev.txt server/pyproject.toml clients/python/pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) $(IS_NEW_ENOUGH) || \
		{ echo "Dal Segno needs Python 3.11 or newer; name one: make setup PYTHON=..."; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) has no venv module; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet -c constraints.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation \
		-e clients/python -e server
	@touch $@

.PHONY: gen
gen: setup gen-go gen-ts ## Generate stubs and rules from protos/
	rm -f $(STUBS)/*_pb2*
	$(BIN)/buf generate
	$(BIN)/buf build protos --as-file-descriptor-set --exclude-source-info -o $(RULES)

.PHONY: gen-go
gen-go: setup
	@$(call where,$(HAS_GO),$(GO),rm -f clients/go/gen/dalsegno/v1/*.pb.go && \
		$(BIN)/buf generate --template clients/go/buf.gen.yaml)

.PHONY: gen-ts
gen-ts: setup
	@$(call where,$(HAS_NODE),$(NODE),bash clients/typescript/tools/gen.sh)

.PHONY: fmt
fmt: setup ## Format Python, protos and Go
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format .
	$(BIN)/buf format protos --write
	@$(call where,$(HAS_GO),$(GO),gofmt -w clients/go)

.PHONY: lint
lint: setup lint-go lint-ts ## Check format, style, imports and protos
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/buf format protos --diff --exit-code
	$(BIN)/buf breaking protos --against protos/baseline/v0.1.binpb

.PHONY: breaking
breaking: setup ## Look for breaks of the API since the commit before
	bash tools/breaking.sh

.PHONY: lint-go
lint-go:
	@$(call where,$(HAS_GO),$(GO),bash clients/go/tools/lint.sh)

.PHONY: lint-ts
lint-ts:
	@$(call where,$(HAS_NODE),$(NODE),bash clients/typescript/tools/lint.sh)

.PHONY: build-ts
build-ts: ## Build the TypeScript client and its samples
	@$(call where,$(HAS_NODE),$(NODE),bash clients/typescript/tools/build.sh)

.PHONY: type
type: setup ## Check types
	$(BIN)/mypy

.PHONY: test
test: test-unit test-conformance test-go test-ts ## Run every test

.PHONY: test-unit
test-unit: setup ## Run the pytest tests: unit, store, server, end to end
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile

.PHONY: test-conformance
test-conformance: setup ## Run the conformance scenarios through a real server
	$(BIN)/python -m tests.conformance --disputed tests/conformance/disputed.json

.PHONY: test-crash
test-crash: setup ## Kill a server under load; KILLS=500 RUNS=200 WATCHERS=50 SEED=n
	$(BIN)/python -m tests.crash --kills $(KILLS) --runs $(RUNS) --watchers $(WATCHERS) \
		$(if $(SEED),--seed $(SEED))

.PHONY: test-power
test-power: setup ## Let the power and the disk fail; STATES=10000 SEED=n
	POWER_STATES=$(STATES) $(if $(SEED),POWER_SEED=$(SEED)) \
		$(BIN)/pytest tests/power --log-cli-level=INFO

.PHONY: test-faults
test-faults: setup ## Wake servers that were taken for dead, and set clocks; ROUNDS=20 SEED=n
	ZOMBIE_ROUNDS=$(ROUNDS) $(if $(SEED),ZOMBIE_SEED=$(SEED) CLOCK_SEED=$(SEED)) \
		$(BIN)/pytest tests/faults --log-cli-level=INFO

.PHONY: test-go
test-go: lint-go ## Lint, build and test the Go client
	@$(call where,$(HAS_GO),$(GO),bash clients/go/tools/test.sh)

.PHONY: test-ts
test-ts: lint-ts ## Lint, build, test and pack the TypeScript client
	@$(call where,$(HAS_NODE),$(NODE),bash clients/typescript/tools/test.sh)

.PHONY: test-e2e
test-e2e: setup ## Run the end-to-end tests alone
	$(BIN)/pytest tests/e2e

.PHONY: bench
bench: setup ## Measure; ONLY=streams,travel for parts, PUBLISH=1 for docs/pictures
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(PUBLISH),--publish)

.PHONY: bench-peers
bench-peers: setup ## Measure beside LangGraph, DBOS, Mastra, VoltAgent; PUBLISH=1 draws for docs
	bash bench/peers/install.sh $(BIN)/python
	$(BIN)/python -m bench.peers $(if $(PUBLISH),--publish)

.PHONY: demo
demo: setup ## Start a run, break it, travel back, stream the replay
	$(BIN)/python -m examples.orders.demo

.PHONY: serve
serve: setup ## Serve the example workflows on 127.0.0.1
	$(BIN)/dalsegno serve --workflows examples.orders.workflows \
		--workflows examples.samples.workflows

.PHONY: check
check: lint type test ## What CI runs, on the tree as it is

.PHONY: clean
clean: ## Remove the environment, caches and what the demo left
	rm -rf .demo .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf bench/peers/.venv bench/peers/node/node_modules
	rm -rf clients/typescript/node_modules clients/typescript/build clients/typescript/dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
