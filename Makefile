# Everything that people and CI run. `make` alone lists it.
GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)
RELEASE   ?= 0.1.0
LDFLAGS   := -s -w -X main.version=$(VERSION)
GOLANGCI  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
NFPM      := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0
SEEDS     ?= 10000
FUZZTIME  ?= 20s

.DEFAULT_GOAL := help
.PHONY: help build demo test race sim fuzz crash bench clients lint generate verify package cover

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# nomsgpack: gin without a codec of 6 MB that nothing uses.
build: ## build bin/cofre and bin/cofre-demo
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -tags nomsgpack -ldflags '$(LDFLAGS)' -o bin/cofre ./cmd/cofre
	CGO_ENABLED=0 $(GO) build -trimpath -tags nomsgpack -o bin/cofre-demo ./cmd/cofre-demo

demo: build ## the main job on this machine: three nodes, a practice SSH server, a password changed while the leader dies (DEMO_ARGS=--exit)
	./bin/cofre-demo --cofre ./bin/cofre $(DEMO_ARGS)

test: ## every test: installs the servers it needs (root), 25 minutes on 2 cores
	@SEEDS=$(SEEDS) packaging/ci/test

race: ## unit tests under the race detector
	$(GO) test -race ./...

sim: ## the simulation with SEEDS seeds (10000)
	$(GO) test ./scheduler/sim -v -run TestSeeds -seeds $(SEEDS)

fuzz: ## every fuzz test for FUZZTIME (20s)
	@for p in $$(grep -rl '^func Fuzz' --include=*_test.go . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | awk '{print $$2}'); do \
	    echo "== $$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x || exit 1; done; done

crash: ## the crash matrix (root): real processes and targets under faults; CRASH_ARGS=--short, --control, --audit, --help
	$(GO) run ./cmd/cofre/crash $(CRASH_ARGS)

bench: ## every benchmark, then three processes against the floor of raw Raft (BENCH_ARGS=--help)
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) run ./cmd/cofre/bench $(BENCH_ARGS)

clients: build ## the External Secrets Operator's published provider against three nodes (a module of its own; downloads much)
	cd packaging/clients/eso && COFRE_BIN=$(CURDIR)/bin/cofre $(GO) test -count=1 ./...

lint: ## gofmt, go vet and golangci-lint
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) run $(GOLANGCI) run ./...

generate: ## write the generated documents anew
	$(GO) generate ./...

verify: generate ## fail if a generated document is not current
	git diff --exit-code

package: build ## deb and rpm of RELEASE (0.1.0) in dist/
	@! $(GO) version -m bin/cofre | grep cofre_planted
	@! $(GO) version -m bin/cofre | grep cofre_nextlevel
	@! $(GO) version -m bin/cofre | grep cofre_plaintext
	@mkdir -p dist
	for p in deb rpm; do COFRE_VERSION=$(RELEASE) COFRE_ARCH=$$($(GO) env GOARCH) $(GO) run $(NFPM) package -f packaging/nfpm.yaml -p $$p -t dist/ || exit 1; done

cover: ## test coverage in the browser's format
	$(GO) test -coverprofile=cover.out ./... && $(GO) tool cover -html=cover.out -o cover.html
