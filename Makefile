# The version of golangci-lint that .golangci.yml was written for.
GOLANGCI := v2.5.0

.DEFAULT_GOAL := build
.PHONY: setup build run test parity lint bench bench-peers small gpu-bundle clean

# Finds or installs libtorch, prepares gotch for it, and writes go.work. A second call does nothing.
setup:
	@scripts/setup.sh

# The program, ./pii.
build: setup
	@go build -o pii .

# All five stages on the shipped data; what is fresh does not run again.
run: build
	@./pii run all

# Every test, with real libtorch.
test: setup
	go test ./...

# How far this program is from Hugging Face's libraries, on the fixtures here or in FIXTURES=DIR. It is part of test.
parity: setup
	@go run ./scripts/parity $(FIXTURES)

lint: setup
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt would change these files'; exit 1; }
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI) run

# The benchmarks of parts, then pii benchmark in every precision that this machine has, of the shipped model or MODEL=DIR;
# ARGS="--compare before.json" and so on are for the latter.
bench: build
	go test -run '^$$' -bench . ./...
	./pii benchmark --model-dir $(or $(MODEL),builtin:small) --precision fp32,bf16,int8 --batch 1,8,32 $(ARGS)

# Other systems in turn with this one, on the checkpoint MODEL=DIR; scripts/peers/run.sh says what else may be given.
bench-peers: setup
	@MODEL='$(MODEL)' PEERS='$(PEERS)' ARGS='$(ARGS)' scripts/peers/run.sh

# The model that ships inside the program, anew: seven hours on two cores.
small: build
	@scripts/small/make.sh

# What scripts/gpu-check.sh needs on a machine with a GPU, in gpu/: see docs/gpu.md.
gpu-bundle: setup
	@scripts/gpu-bundle.sh

# Removes what was built and made here; the cache of set-up stays (~/.cache/pii).
clean:
	rm -rf pii gpu runs out go.work go.work.sum
