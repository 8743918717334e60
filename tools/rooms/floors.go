package main

// A room is a folder with a package, and what a reader finds there.
type room struct {
	folder string
	holds  string
}

// floors are the rooms from the top of the house to its ground. A package imports only packages of floors below its
// own: a test compares this list with the imports. The ground floor is for all; the picture leaves out the arrows to it.
var floors = [][]room{
	{
		{"cmd/bnas", "the command line"},
		{"tools/rooms", "draws this picture"},
		{"tools/kernels", "compiles the CUDA kernels"},
		{"tools/instructions", "counts the kernels' instructions"},
	},
	{
		{"serve", "the runs in a browser"},
	},
	{
		{"study", "a claim by one command"},
		{"inventory", "a folder of runs"},
		{"cluster", "scores from several processes"},
		{"internal/sampleruns", "folders of runs for tests"},
	},
	{
		{"run", "a run folder: train, score, search"},
	},
	{
		{"search", "search strategies, ledger"},
		{"report", "the HTML page"},
		{"verify", "one traced pass, for PyTorch"},
		{"export", "ONNX, a PyTorch module"},
		{"cuda/cost", "a step's cost on a GPU"},
		{"train/mpi", "training in several processes"},
	},
	{
		{"indicator", "terms, scorer, composites"},
		{"train", "scheduler, checkpoints"},
		{"tensors", "arrays for Gorgonia"},
		{"internal/gpusim/emulated", "a GPU through g++"},
		{"internal/gpusim/interpreted", "a GPU through its PTX"},
		{"internal/gpusim/paper", "a GPU that only counts"},
		{"internal/gpusim/fake", "a GPU whose calls fail"},
		{"internal/gpusim/streams", "streams that run late"},
	},
	{
		{"ntk", "tangent kernels"},
		{"supernet", "spaces, lowering, names"},
		{"data", "data sets, loader"},
		{"kernels/kerneltest", "the suite for Devices"},
		{"cuda", "the GPU as a Device"},
		{"internal/gpusim/hostqueue", "streams, events, graphs"},
	},
	{
		{"kernels/cpu", "the CPU engine"},
		{"kernels/ref", "float64, plain loops"},
		{"cuda/driver", "the calls of a GPU"},
		{"internal/gpusim/hostkernels", "the kernels by g++"},
	},
	{
		{"kernels/hoststore", "parameters in host memory"},
		{"kernels/plan", "backward order, buffers"},
		{"kernels/gpu", "the CUDA kernels"},
		{"kernels/cpu/engine", "the C of the engine"},
		{"internal/gpusim/faults", "planted faults"},
	},
	{
		{"kernels", "Program, Device: the contract"},
		{"internal/gpusim/machine", "memory, blocks, threads"},
		{"internal/gpusim/ptx", "the PTX interpreter"},
	},
	{
		{"philox", "random streams"},
		{"rank", "τ-b, ρ, top-k"},
		{"safetensors", "the file format"},
		{"onnx", "another file format"},
		{"tensorboard", "event files of TensorBoard"},
		{"internal/amount", "numbers of things"},
		{"internal/hardware", "memory and the cores of the machine or of a job"},
		{"internal/loopback", "names of this machine"},
		{"internal/schedule", "how threads share the cores"},
		{"internal/setting", "ranges of settings"},
		{"internal/subprocess", "processes that end with us"},
		{"internal/wholefile", "whole files or none"},
	},
}
