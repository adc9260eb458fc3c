# `make help` lists the targets.
SHELL := /bin/bash
PY := .venv/bin/python
FUZZ_SECONDS ?= 30
export PATH := $(CURDIR)/.tools/bin:$(PATH)
# Of several failures a log that is cut should show each one's message. `make test RUST_BACKTRACE=1` shows more.
export RUST_BACKTRACE := 0

.PHONY: help setup demo test lint check unit blackbox judges fuzz test-kills test-outages test-failover bench bench-server semver install test-checkpoint-kills csi test-k8s wheel test-wheel python bench-python test-frameworks bench-checkpoint

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Install what the demo and the tests need
	@scripts/setup

demo: setup ## Train on the embedded server in the page's two forms, and compare
	cargo build --release --bin ossplit
	@scripts/wheel
	.tools/python/bin/python examples/mnist/demo.py --ossplit target/release/ossplit

test: setup lint check unit blackbox judges csi python fuzz semver ## Run every test but the long trials
	@echo "make test: everything passed (not run here: make test-k8s, make test-failover and the other long trials)"

lint: ## Format, clippy and licences
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	@scripts/install-cargo-deny
	cargo deny --log-level error check licenses bans sources

check: ## Arrows between crates, lengths of files
	@python3 scripts/check-crates

unit: ## Unit and crate tests
	cargo test --workspace --exclude ossplit-tests

blackbox: setup ## The built programs from outside: real server, real mounts, other people's programs on them
	@scripts/setup-programs
	cargo build --bin ossplit
	cargo test -p ossplit-tests

judges: setup ## Other clients against the server, and the example
	@scripts/setup-judges
	cargo build --bin ossplit
	$(PY) -m pytest -q tests/judges examples/mnist/tests
	@scripts/wheel
	DEMO_STEPS=101 .tools/python/bin/python examples/mnist/demo.py --ossplit target/debug/ossplit

csi: setup ## csi-sanity against the Kubernetes driver; the chart and the image
	cargo build --bin ossplit
	scripts/csi-sanity target/debug/ossplit
	@scripts/go-tool helm.sh/helm/v3/cmd/helm@v3.18.6 || echo "make csi: the tests of the chart that need helm are SKIPPED" >&2
	@scripts/go-tool tests/k8s/schema || echo "make csi: the objects are NOT held against the API's schema" >&2
	$(PY) -m pytest -q -rs tests/k8s/test_chart.py tests/k8s/test_image.py tests/k8s/test_page.py

test-k8s: setup ## The driver in a real one-node cluster: the page's YAML, restarts, failures (skips what the machine can't)
	@scripts/setup-k8s
	@scripts/wheel
	$(PY) -m pytest -q -rsP tests/k8s

wheel: setup ## Build the Python wheel for any Linux with glibc 2.17 or later, into dist/
	@scripts/wheel --manylinux

test-wheel: setup ## Build that wheel and the source distribution, and try each in a clean environment of every CPython here
	cargo build --bin ossplit
	@scripts/wheel --manylinux
	@scripts/wheel --sdist
	scripts/test-wheel "$$(ls -t dist/ossplit-*manylinux2014*.whl | head -1)"
	scripts/test-wheel "$$(ls -t dist/ossplit-*.tar.gz | head -1)"

python: setup ## The Python package: build, install into .tools/python, test, also with pandas, pyarrow, zarr, dask and Debian's PyTorch
	@scripts/wheel
	cargo build --bin ossplit
	.tools/python/bin/python -m pytest -q -rs --ignore python/tests/test_torch.py python/tests
	@scripts/test-torch

test-frameworks: python ## TensorFlow, JAX, Orbax and the newest PyTorch with the Python package: downloads about 4 GB
	@scripts/test-frameworks

bench-checkpoint: setup ## Time saves beside training, and against the page's upload loop (docs/performance.md)
	cargo build --release --bin ossplit
	@scripts/wheel
	.tools/python/bin/python benches/checkpoint.py --ossplit target/release/ossplit

fuzz: setup ## Feed nonsense to everything that reads what strangers write (FUZZ_SECONDS a target)
	@scripts/fuzz $(FUZZ_SECONDS)

test-kills: setup ## Kill read-write mounts 200 times (docs/reliability.md)
	cargo build --bin ossplit
	OSSPLIT_KILLS=200 cargo test -p ossplit-tests -- kills

test-outages: setup ## Take the service away for a minute under read-write mounts (docs/reliability.md)
	cargo build --bin ossplit
	OSSPLIT_OUTAGE=60 cargo test -p ossplit-tests -- outages::an_endpoint

test-failover: setup ## Kill workers of live mounts 200 times, upgrade them 50 times (docs/reliability.md)
	cargo build --release --bin ossplit
	OSSPLIT_FAILOVER=200 cargo test --release -p ossplit-tests -- --test-threads 1 --nocapture failover

test-checkpoint-kills: setup ## Kill saves of checkpoints at 100 random moments (docs/reliability.md)
	cargo build --bin ossplit
	OSSPLIT_KILLS=100 cargo test -p ossplit-tests -- --nocapture checkpoint_kills

bench: setup ## Time mounts against a plain HTTP client, s3fs and rclone
	cargo build --release --bin ossplit --bin bench
	target/release/bench

bench-server: ## Time the server: small and large GETs, and a directory with a million objects
	cargo build --release --bin ossplit --bin bench
	target/release/bench server --objects 1000000

bench-python: setup ## Time the Python package beside oss2 and alibabacloud-oss-v2, at 0 and 20 ms
	@scripts/wheel
	cargo build --release --bin ossplit
	cargo build --release -p ossplit-transfer --example transfer
	.tools/python/bin/python benches/python/bench.py
	.tools/python/bin/python benches/python/bench.py --latency 20

semver: ## Fail on changes of the libraries' API that break users of the last release (BASE=REV)
	@scripts/semver $(BASE)

install: ## Install ossplit and its other names into /usr/local/bin
	cargo build --release --bin ossplit
	install -m 755 target/release/ossplit /usr/local/bin/ossplit
	ln -sf ossplit /usr/local/bin/ossfs
	ln -sf ossplit /usr/local/bin/ossfs2
	ln -sf /usr/local/bin/ossplit /sbin/mount.ossfs
