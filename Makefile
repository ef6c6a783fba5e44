# moetop: `make run` sets everything up and starts it, `make test` checks everything that needs no GPU.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GOLANGCI_LINT_VERSION := v2.15.0
# go-nvml's cgo is full of deprecated declarations of NVML's own.
export CGO_CFLAGS := -O2 -g -Wno-deprecated-declarations
export VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)
GO_LDFLAGS := -X main.version=$(VERSION)

# A CUTLASS kernel takes 4.4 GB of memory to compile.
CUDA_JOBS := $(shell awk -v cores=$$(nproc) '/MemAvailable/ { n = int($$2 / 5000000); if (n > cores) n = cores; if (n < 1) n = 1; print n }' /proc/meminfo 2>/dev/null || echo 1)

# Every tool that is missing is named in one line, before anything starts.
need = @command -v $(1) >/dev/null || { echo "moetop needs $(2), and found no $(1) on PATH" >&2; exit 1; }

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: all
all: lib build ## Build the CUDA library and the binary

.PHONY: tools
tools:
	$(call need,go,Go 1.26 or newer)
	$(call need,cc,a C compiler)
	$(call need,python3,Python 3 with venv)
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "moetop needs Python 3 with venv (on Debian: python3-venv)" >&2; exit 1; }

.PHONY: lib
lib: tools ## Build build/libmoetop.so (finds nvcc, or installs it into .toolchain/)
	@csrc/toolchain.sh
	@if reason=$$(sed -n 's/^CUDA_UNAVAILABLE := //p' build/toolchain.mk) && [ -n "$$reason" ]; then \
		if [ -n "$$CI" ]; then echo "no CUDA library: $$reason" >&2; exit 1; fi; \
		echo "no CUDA library: $$reason; going on without it" >&2; \
	else $(MAKE) --no-print-directory -j $(CUDA_JOBS) -f csrc/Makefile lib; fi

.PHONY: build
build: tools ## Build bin/moetop
	@go build -ldflags '$(GO_LDFLAGS)' -o bin/moetop ./cmd/moetop

.PHONY: run
run: all ## Set up, build and start moetop; ARGS='--json --duration 5s' passes flags
	@exec bin/moetop $(ARGS)

.PHONY: test
test: lib lint test-native test-go ## Everything that needs no GPU

.PHONY: test-go
test-go: build ## All Go tests with the race detector
	$(call need,tmux,tmux for the tests of the screen)
	go test -race -timeout 10m ./...

.PHONY: test-native
test-native: lib ## Native tests that need no GPU
	@$(MAKE) --no-print-directory -f csrc/Makefile native-test

.PHONY: test-gpu
test-gpu: all ## Correctness on a GPU; a missing GPU fails
	$(MAKE) --no-print-directory -f csrc/Makefile gpu-smoke
	build/gpu_smoke build/libmoetop.so
	for kernels in cutlass native; do \
		bin/moetop verify --engine cuda --kernels $$kernels --model dsv3-tp8 --model qwen3-30b \
			--tokens 1,16,128,1024 --routing uniform,zipf,hot && \
		bin/moetop verify --engine cuda --kernels $$kernels --exhaustive --soak 100000 || exit 1; done

.PHONY: sanitize
sanitize: all ## compute-sanitizer over the native smoke test, and over every plain kernel by name, on a GPU
	$(MAKE) --no-print-directory -f csrc/Makefile gpu-smoke gemm-bench
	for tool in memcheck synccheck initcheck; do \
		compute-sanitizer --tool $$tool --error-exitcode 1 build/gpu_smoke build/libmoetop.so --small || exit 1; done
	for tool in memcheck synccheck; do \
		compute-sanitizer --tool $$tool --error-exitcode 1 build/gemm_bench --check-only --model qwen3-30b --stage up \
			--tokens 16 --contenders p-on,pp-on,pp-on-early || exit 1; done
	status=0; for family in native cutlass; do \
		csrc/racecheck.sh build/gpu_smoke build/libmoetop.so --small --family $$family || status=1; done; exit $$status

.PHONY: bench-gpu
bench-gpu: lib ## The grouped GEMMs of both families on a GPU, checked, with floors and clocks; BENCH='--tokens 128'
	$(MAKE) --no-print-directory -f csrc/Makefile gemm-bench
	build/gemm_bench --csv build/bench-gpu.csv --routing uniform,zipf $(BENCH)

.PHONY: bench-peers
bench-peers: lib ## The same beside the peers' binaries in PEERS (see csrc/bench/peers.py); needs PyTorch
	$(MAKE) --no-print-directory -f csrc/Makefile gemm-bench
	python3 csrc/bench/peers.py build/libgemm_bench.so $(or $(PEERS),.peers) build/bench-peers.csv $(BENCH)

.PHONY: tune
tune: lib ## Find the bounds of the native tile table on this GPU
	$(MAKE) --no-print-directory -f csrc/Makefile gemm-bench
	python3 csrc/bench/tune.py build/gemm_bench build $(BENCH)

.PHONY: bench
bench: build ## Go benchmarks: engines, statistics, frames
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: fuzz
fuzz: ## Fuzz everything that parses, FUZZTIME each (default 20s)
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZTIME),20s) $$package || exit 1; done; done

.PHONY: page-assets
page-assets: ## Make page/echarts/echarts.min.js anew, of the versions that its package-lock.json pins (npm)
	@page/echarts/build.sh

.PHONY: golden
golden: ## Write the golden files anew; look at the diff before you commit it
	go test ./ui/... -update

RICH_VERSION := 15.0.0

.tools/rich: Makefile
	@echo "installing Rich $(RICH_VERSION)"
	@python3 -m venv $@ && $@/bin/pip install -q rich==$(RICH_VERSION)
	@touch $@

.PHONY: screens
screens: .tools/rich ## Draw the golden screens as SVG for the manual
	@.tools/rich/bin/python docs/screens.py ui/testdata docs/screens

.tools/golangci-lint: Makefile
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION)"
	@GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@touch $@

.PHONY: lint
lint: .tools/golangci-lint ## Linters and formatters, Go and CUDA
	.tools/golangci-lint run ./...
	@if [ -x .toolchain/venv/bin/clang-format ]; then \
		echo "clang-format"; find csrc -name '*.cu' -o -name '*.cpp' -o -name "*.h" -o -name "*.cuh" | xargs .toolchain/venv/bin/clang-format --dry-run --Werror; \
	else echo "clang-format: not installed here, skipped"; fi

.PHONY: fmt
fmt: .tools/golangci-lint ## Format everything
	.tools/golangci-lint fmt ./...
	find csrc -name '*.cu' -o -name '*.cpp' -o -name "*.h" -o -name "*.cuh" | xargs .toolchain/venv/bin/clang-format -i

.PHONY: clean
clean: ## Remove what was built; the toolchain stays
	rm -rf bin build
