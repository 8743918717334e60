# The targets that CONTRIBUTING.md names. `make test` needs Go, gcc with g++, and Python's pip, which fetches the CUDA
# compiler once. It needs no GPU.

GO ?= go
# The packages that start goroutines, but the slow ones: test-long has every package.
RACE_PACKAGES = ./data ./internal/gpusim/streams ./kernels/ref ./tools/kernels ./train

# As in a release, the packages net and os/user are pure Go. What imports them is then compiled once, with cgo and without.
PURE = netgo,osusergo
HAS_MPI = command -v mpirun >/dev/null && pkg-config --exists ompi-c
WITHOUT_MPI = training in several processes needs Open MPI: apt install pkg-config libopenmpi-dev openmpi-bin
CHECKS = test lint test-unit test-ranks test-nocgo test-race test-gpu test-cuda test-asan
GOFLAGS_PURE := $(shell $(GO) env GOFLAGS) -tags=$(PURE) -gcflags=all=-dwarf=false
$(CHECKS): export GOFLAGS = $(GOFLAGS_PURE)
# Test binaries have no debug information: without it Go compiles in four fifths of the time, and C in half. A panic names its lines
# all the same. AddressSanitizer names lines of C with a little of it.
# Its checks as calls instead of written out compile in a fifth of the time, and run in 1.6 of it.
$(CHECKS): export CGO_CFLAGS = -O2
$(CHECKS): export CGO_CXXFLAGS = -O2
test-asan: export CGO_CFLAGS = -g1 -O2 --param=asan-instrumentation-with-call-threshold=0

.PHONY: mpi mpi-cuda test-compilers test-mpi test-pages dist test-dist test-onnx test-gpu lint-docker lint-kubernetes build emulated kernels kernels-check cuda test-cuda test test-long test-torch test-tensorboard lint test-unit test-ranks test-race test-asan test-nocgo fuzz bench clean

build:
	$(GO) build -o bin/bnas ./cmd/bnas

# The program with the emulated GPU: --device gpu-emulated. Needs g++.
emulated:
	$(GO) build -tags gpusim -o bin/bnas-emulated ./cmd/bnas

# The last four use one core for most of their time: two of them run at once, the longest first.
test: lint test-unit test-ranks
	$(MAKE) --no-print-directory -j2 -O test-race test-gpu test-asan test-nocgo

# Training in several processes on this machine, by mpirun: the same bits as one process. The rest of it is in test-mpi. The tags are
# those of test-unit too, so that little is compiled again.
test-ranks:
	@if $(HAS_MPI); then \
	  $(GO) test -vet=off -tags mpi,gpusim,$(PURE) -timeout 10m -run '^TestGather$$|^TestMPIEqualsOneProcess$$' ./train/mpi ./cmd/bnas; \
	else \
	  echo "LEFT OUT: $(WITHOUT_MPI)"; \
	fi

# The checks of the GPU code with CUDA's headers, and of the script that checks a GPU. Without pip, which fetches the headers,
# what needs them is skipped with a message. The compiled kernels are compared with their sources by hash, in test-unit.
test-gpu:
	@if python3 -m pip --version >/dev/null 2>&1 || test -n "$$CUDA_HOME"; then \
	  $(MAKE) --no-print-directory test-cuda lint-docker lint-kubernetes; \
	else \
	  echo "LEFT OUT: the driver's code needs pip (python3-pip) or CUDA_HOME"; \
	fi
	GO=$(GO) scripts/gpu-check-test.sh

lint-docker:
	scripts/hadolint.sh

lint-kubernetes:
	scripts/kubernetes.sh

# Compilers, checkers and the programs of the tests are short: they collect garbage less often, but under a sanitizer.
lint test-unit test-nocgo test-gpu: export GOGC = 400
lint:
	@unformatted="$$(gofmt -l .)"; test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	@# Compiles what test-unit needs too, and links nothing. lint.go alone would compile the emulated kernels for itself.
	$(GO) list -export -tags gpusim,$(PURE) ./... >/dev/null
	@# go vet and staticcheck, with cgo and without.
	printf '%s\n' 'cgo: -tags=gpusim,$(PURE)' 'nocgo: CGO_ENABLED=0' | $(GO) run scripts/lint.go -matrix ./...
	GO=$(GO) scripts/deadcode.sh

# With the emulated GPU; needs g++. Here and below, -vet=off: lint has run the analyzers of go vet.
test-unit:
	$(GO) test -vet=off -tags gpusim,$(PURE) -timeout 30m ./...

# The program without cgo: the reference device only. lint has compiled and checked all packages without cgo.
test-nocgo:
	CGO_ENABLED=0 $(GO) test -vet=off -short -timeout 30m ./kernels/cpu ./internal/gpusim/emulated
	CGO_ENABLED=0 $(GO) test -vet=off -short -timeout 30m -run "TestCommands|TestScripts/(errors|gpu|space)" ./cmd/bnas

# AddressSanitizer over the C of the engine and its callers. The reference, which is Go without pointers, has no use for it.
test-asan:
	$(GO) test -vet=off -asan -gcflags=./kernels/ref=-asan=false -gcflags=./kernels/kerneltest=-asan=false -short -timeout 30m ./kernels/cpu

# Compiles every CUDA kernel for every architecture into kernels/gpu/compiled, with the table of registers and spills, and counts
# the instructions of the documented steps. It needs no GPU. The compiler is fetched if none is installed.
kernels:
	$(GO) run ./tools/kernels
	$(GO) run ./tools/instructions -write

# Compiles every CUDA kernel again and compares the table of registers with the one that is kept.
kernels-check:
	$(GO) run ./tools/kernels -check

# The program with the GPU. CUDA's headers are fetched if none are installed. Without a driver the program is linked with a
# stub; it uses the machine's driver when it runs.
cuda:
	scripts/with-cuda.sh $(GO) build -tags cuda -o bin/bnas-cuda ./cmd/bnas

# The programs that mpirun starts: one training in several processes. They need Open MPI (libopenmpi-dev).
mpi:
	$(GO) build -tags mpi -o bin/bnas-mpi ./cmd/bnas

mpi-cuda:
	scripts/with-cuda.sh $(GO) build -tags mpi,cuda -o bin/bnas-mpi-cuda ./cmd/bnas

# The driver's code without a GPU: checked as in lint, and run on a mock driver. What only the other tests use is unused here.
test-cuda:
	scripts/with-cuda.sh $(GO) run scripts/lint.go -checks inherit,-U1000 -tags cuda,$(PURE) ./cuda/... ./cmd/bnas
	scripts/with-cuda.sh --mock $(GO) test -vet=off -tags cuda,$(PURE) -run '^TestReal' ./cuda ./cuda/driver

# Without the emulated GPU, and without the tests of a training on the CPU engine: their threads are C++ and C, which the race
# detector does not see. The emulated GPU checks races between the threads of a kernel itself. The tests that are left out start no
# goroutines that others do not: those of one step of the reference are in TestSuite, whose cells are its largest networks, and those
# of a training in TestResumeAtEveryStep.
test-race:
	$(GO) test -vet=off -race -short -tags noengine,$(PURE) -timeout 30m $(RACE_PACKAGES) \
	  -skip '^TestFiniteDifferences$$|^TestSuite$$/^cell-|^TestStopWithinAStep$$/^strict$$|^TestFixedPathTrainsItsNetwork$$|^TestAuxiliary|^TestDropPath|^TestEarlyBirdResumes$$|^TestOneShotOfATrainedSupernet$$|^TestRunningStatisticsAndAverage$$|^TestOnlyTheTrainableSetChanges$$'

# Everything that takes longer: all kills of the crash test, every seed of the suite, all packages under the race detector,
# every kernel compiled again, PyTorch, onnxruntime, each fuzz target for a while, go vet itself, known vulnerabilities.
test-long:
	scripts/vulnerabilities.sh
	@# go vet itself, beside the list of its analyzers in lint.go.
	$(GO) vet -tags gpusim ./...
	CGO_ENABLED=0 $(GO) vet ./...
	scripts/with-cuda.sh $(GO) vet -tags cuda ./cuda/... ./cmd/bnas
	BNAS_LONG=1 $(MAKE) --no-print-directory test-gpu
	$(MAKE) --no-print-directory kernels-check
	$(GO) test -race -short -timeout 60m ./...
	@command -v strace >/dev/null || echo "LEFT OUT: injected faults of system calls need strace"
	BNAS_LONG=1 $(GO) test -tags gpusim -timeout 120m ./...
	# The compiled kernels are interpreted in Go, which has no C for the sanitizer.
	BNAS_LONG=1 $(GO) test -tags gpusim -asan -skip '^TestCompiledConformance$$' -timeout 60m ./kernels/cpu ./kernels/gpu ./internal/gpusim/... ./cuda/...
	$(MAKE) --no-print-directory test-compilers test-torch test-onnx test-tensorboard test-mpi test-pages test-dist
	scripts/fuzz.sh 30s

# The CPU engine as clang compiles it, with the bits of gcc, and for arm64, where qemu runs its suite.
test-compilers:
	GO=$(GO) scripts/compilers-test.sh

# A network of DARTS without max_pool_3x3: behind an image that drop-path drops, the maximum of a window is a tie.
DROPPED = normal avg_pool_3x3:0 sep_conv_3x3:1 skip_connect:0 dil_conv_3x3:1 avg_pool_3x3:0 skip_connect:2 sep_conv_5x5:0 \
  skip_connect:1 reduce skip_connect:0 avg_pool_3x3:1 skip_connect:0 dil_conv_3x3:2 avg_pool_3x3:0 skip_connect:2 \
  sep_conv_5x5:0 skip_connect:1

# Exported networks in PyTorch: the README's snippet, the module of every space, and every gradient, and
# the training of one. pip fetches torch if python3 has none.
test-torch:
	$(GO) build -o bin/bnas ./cmd/bnas
	scripts/with-torch.sh $(GO) test -count=1 -run TestTorchSnippet -v ./cmd/bnas
	scripts/with-torch.sh $(GO) test -count=1 -run TestTorchLogits ./export
	scripts/with-torch.sh python3 scripts/verify_torch.py --bnas bin/bnas --size 8 --space nas-bench-101 --space nas-bench-201 --space nas-bench-macro
	scripts/with-torch.sh python3 scripts/verify_torch.py --bnas bin/bnas --size 16 --space darts
	scripts/with-torch.sh python3 scripts/verify_torch.py --bnas bin/bnas --size 64 --device reference \
	  --images 12 --space bn-nas --space proxylessnas --space fairnas
	scripts/with-torch.sh python3 scripts/verify_torch.py --bnas bin/bnas --size 32 --images 8 --device reference --space mobilenet-cifar
	scripts/with-torch.sh python3 scripts/verify_torch.py --bnas bin/bnas --size 16 --image-channels 1 --device reference \
	  --space nas-bench-101 --space nas-bench-201 --space nas-bench-macro --space darts
	scripts/with-torch.sh python3 scripts/verify_torch.py --bnas bin/bnas --size 64 --image-channels 1 --device reference \
	  --images 12 --space proxylessnas
	scripts/with-torch.sh python3 scripts/retrain_torch.py --bnas bin/bnas
	scripts/with-torch.sh python3 scripts/retrain_torch.py --bnas bin/bnas --space nas-bench-101 --recipe nas-bench-101 \
	  --arch '11101|0001|100|11|1|333m' --channels 8 --lr 0.02
	scripts/with-torch.sh python3 scripts/retrain_torch.py --bnas bin/bnas --device cpu --arch all3x3 --channels 8 --batch 32
	scripts/with-torch.sh python3 scripts/retrain_torch.py --bnas bin/bnas --space darts --recipe darts --arch '$(DROPPED)' --drop-path 0.5 --epoch 4 --steps 12 --size 32

# Exported networks in ONNX: the official checker, and the logits by onnxruntime. pip fetches both if python3 has none.
test-onnx:
	$(GO) build -o bin/bnas ./cmd/bnas
	scripts/with-python.sh onnx-requirements.txt $(GO) test -count=1 -run TestONNXRuntime ./export
	scripts/with-python.sh onnx-requirements.txt python3 scripts/verify_onnx.py --bnas bin/bnas

# Training in several processes, by mpirun: the same bits as one process, ranks that die or hang, and the time of an exchange.
test-mpi:
	@if $(HAS_MPI); then \
	  $(GO) vet -tags mpi ./train/mpi ./cmd/bnas && \
	  $(GO) test -tags mpi -count=1 -timeout 30m -v -run '^TestMPI|^TestGather|^TestSilentRank' -bench '^BenchmarkGather' -benchtime 1x ./train/mpi ./cmd/bnas; \
	else \
	  echo "LEFT OUT: $(WITHOUT_MPI)"; \
	fi

# The pages of bnas serve, reports and a study in Chromium, at the width of a phone and of a desk. pip fetches Playwright, which drives it.
test-pages:
	@if command -v chromium chromium-browser google-chrome >/dev/null; then \
	  $(GO) build -o bin/bnas ./cmd/bnas && \
	  scripts/with-python.sh pages-requirements.txt python3 scripts/check_pages.py --bnas bin/bnas; \
	else \
	  echo "LEFT OUT: the pages in a browser need Chromium: apt install chromium"; \
	fi

# Event files, read by TensorBoard's own reader. pip fetches it if python3 has none.
test-tensorboard:
	scripts/with-python.sh tensorboard-requirements.txt $(GO) test -count=1 -run TestTensorBoardsReader ./tensorboard

# The archives of a release, in dist, with their sums, the list of their modules, and Debian packages.
dist:
	GO=$(GO) scripts/dist.sh dist

# Two builds of the archives have the same bytes.
test-dist:
	GO=$(GO) scripts/dist-test.sh

fuzz:
	scripts/fuzz.sh 10s

bench:
	$(GO) test -run '^$$' -bench . ./kernels/cpu

clean:
	rm -rf bin
