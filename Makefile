# What to run. `make` alone lists it.

GO ?= go

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/tapenet, the program of all commands
	$(GO) build -o bin/ ./cmd/tapenet

test: ## run the tests that take seconds
	$(GO) test -short ./...

test-all: ## run all tests
	$(TEST) ./...

test-plain: ## run the tests of graphs and training without assembly
	$(GO) test -tags noasm -short ./graph/... ./modelzoo ./train

TEST = $(GO) test

race: ## run the tests of what is concurrent under the race detector (needs cgo)
	$(GO) test -race ./graph/internal/kernel/... ./graph/attack ./graph/update ./graph/weights ./train/... ./infer/...

STATICCHECK = $$(cd $(CURDIR)/.ci/tools && $(GO) tool -n staticcheck)

check: ## formatting, vet, staticcheck, import directions, generated files, other platforms
	@test -z "$$(gofmt -l .)" || { echo "not formatted: $$(gofmt -l .)"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags noasm ./graph/...
	$(GO) vet -tags mpi ./train/mpi ./cmd/train ./cmd/internal/train
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags mpi ./train/mpi ./cmd/train ./cmd/internal/train
	$(GO) test -run TestImport ./graph
	$(GO) mod tidy -diff
	@before=$$(cat $(GENERATED) | cksum); $(GO) generate ./... && after=$$(cat $(GENERATED) | cksum); \
	test "$$before" = "$$after" || { echo "generated files were out of date: commit $(GENERATED)"; exit 1; }
	GOOS=linux GOARCH=arm64 $(GO) vet ./...
	GOOS=linux GOARCH=arm64 $(GO) vet -tags mpi ./train/mpi ./cmd/train ./cmd/internal/train
	GOAMD64=v3 $(GO) test ./graph/internal/kernel/... ./graph/update
	GOOS=windows $(GO) build ./...
	staticcheck=$(STATICCHECK) && cd notebooks/kernel && $(GO) vet ./... && $$staticcheck ./cmd/... ./gen ./jupyter
	cd notebooks/kernel && $(GO) mod tidy -diff && $(GO) test ./bind ./gen ./cmd/kernel
	cd .ci/tools && $(GO) vet ./... && $(STATICCHECK) ./... && $(GO) test ./... && $(GO) mod tidy -diff
	staticcheck=$(STATICCHECK) && cd graph/internal/kernel/gen && $(GO) vet ./... && $$staticcheck ./... && $(GO) mod tidy -diff
	staticcheck=$(STATICCHECK) && cd infer/serve/deploy && $(GO) vet . && $$staticcheck . && $(GO) mod tidy -diff

deploy: ## check the files for containers, clusters and systemd, and run the server with their arguments (as root)
	cd infer/serve/deploy && $(GO) test -count 1 .

arm64: ## run the kernels' tests as an arm64 processor would (needs qemu-aarch64)
	GOOS=linux GOARCH=arm64 $(GO) test -exec qemu-aarch64 -timeout 20m -short ./graph/internal/kernel/...

GENERATED = $(shell grep -rl '^// Code generated' --include='*.go' --include='*.s' .)

bench: ## run the benchmarks ten times, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count 10 ./graph/internal/kernel/... ./train

PREFIX ?= $(HOME)/.local

# installed FILE PACKAGE: installs what Debian has and this machine lacks, or says so.
define installed
@test -e $(1) || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq --no-install-recommends $(2) >/dev/null; } || \
	{ echo "needs Debian's $(2): apt-get install $(2)"; exit 1; }
endef

kernel: ## build gophernotes with tapenet compiled in, and register it with Jupyter below PREFIX, ~/.local
	$(call installed,/usr/bin/jupyter-nbconvert,jupyter-nbconvert)
	cd notebooks/kernel && $(GO) run ./cmd/kernel -o $(CURDIR)/bin/gophernotes -prefix $(abspath $(PREFIX))

mpi-short: ## train under the launchers of Open MPI and MPICH, as CI does: 1 to 5 ranks, three kills
	$(call installed,/usr/bin/mpirun.openmpi,openmpi-bin)
	$(call installed,/usr/bin/mpirun.mpich,mpich)
	TAPENET_NEED_MPI=1 $(GO) test -count 1 -tags mpi ./train/mpi
	TAPENET_NEED_MPI=1 $(GO) test -count 1 -tags mpi -run TestMPI ./cmd/internal/train

mpi: mpi-short ## and all of it, 8 to 20 minutes (TAPENET_LONG_MPI=1): networks, failures, restarts, 50 kills; prints train/mpi/README.md's tables
	@mkdir -p bin && rm -f bin/mpi.md
	TAPENET_NEED_MPI=1 TAPENET_LONG_MPI=1 TAPENET_TABLE_MPI=$(CURDIR)/bin/mpi.md $(GO) test -count 1 -tags mpi -timeout 60m -run TestMPI ./cmd/internal/train
	@cat bin/mpi.md

OUT ?= bin/notebooks

notebooks: ## execute the notebooks in the kernel, and put them with their outputs into OUT; needs make kernel
	cd notebooks/kernel && $(GO) test ./jupyter
	cd notebooks/kernel && $(GO) run ./cmd/notebooks -kernel $(CURDIR)/bin/gophernotes -out $(abspath $(OUT)) ../*.ipynb

lab: kernel ## open the notebooks in Jupyter
	$(call installed,/usr/bin/jupyter-notebook,jupyter-notebook)
	JUPYTER_PATH=$(abspath $(PREFIX))/share/jupyter$${JUPYTER_PATH:+:$$JUPYTER_PATH} /usr/bin/jupyter notebook --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(JUPYTER)

vuln: ## look for known faults in the modules and the library, where vuln.go.dev is reachable
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

PART ?=

torture: ## the campaign of cmd/internal/torture, eight hours; PART=Kill is one part; goes on where it was stopped
	TAPENET_TORTURE=$(CURDIR)/bin/torture $(GO) test -count 1 -timeout 0 -run 'TestTorture$(PART)' ./cmd/internal/torture
	$(GO) run ./cmd/internal/torture/table bin/torture

MUTATED = graph/internal/kernel/... graph/internal/program graph/op graph/onnx train infer infer/serve

mutants: ## change 200 places of each package of MUTATED, and count the changes that its tests notice; hours; goes on where it was stopped
	@for p in $(MUTATED); do $(GO) run ./cmd/internal/mutate -out bin/mutants ./$$p || exit 1; done

FUZZTIME ?= 30s
TARGET ?=

fuzz: ## fuzz every reader of foreign files and the kernels, FUZZTIME each; TARGET=FuzzLoad is one; goes on where it was stopped
	$(GO) run ./cmd/internal/torture/fuzz -time $(FUZZTIME) -target '$(TARGET)'

fuzzseeds: ## have go test replay, beside each target's seeds, some inputs of bin/fuzz that reach more code
	$(GO) run ./cmd/internal/torture/fuzz -seeds -target '$(TARGET)'

cover: ## test coverage by package, and cover.out for go tool cover
	$(GO) test -coverprofile cover.out -coverpkg ./graph/...,./modelzoo/...,./train/...,./infer/...,./cmd/... ./...
	$(GO) tool cover -func cover.out | tail -1

.PHONY: help build test test-all test-plain race check deploy arm64 bench vuln torture mutants fuzz fuzzseeds cover kernel notebooks lab mpi mpi-short
