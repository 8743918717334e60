package run

import (
	"errors"
	"runtime"

	"bnas.example/indicator"
	"bnas.example/internal/hardware"
	"bnas.example/kernels"
	"bnas.example/train"
)

// Lanes returns the scorer with lanes beside it, as many as a search scores architectures at a time: one a thread, as far as the memory
// holds them. There are none where that is one, or where the device has no others beside it. end ends them.
func (r *Run) Lanes() (several *indicator.Lanes, end func() error, err error) {
	c, err := r.scoring()
	if err != nil {
		return nil, nil, err
	}
	return r.here(c)
}

// here is Lanes with given settings.
func (r *Run) here(c indicator.Config) (several *indicator.Lanes, end func() error, err error) {
	one, err := r.repeated(c)
	if err != nil {
		return nil, nil, err
	}
	n, err := r.lanes(c)
	if err != nil {
		return nil, nil, err
	}
	if n > 1 {
		several, err = indicator.NewLanes(one, n)
	}
	if n < 2 || errors.Is(err, kernels.ErrUnsupported) {
		several, err = indicator.NewLanes(one, 0)
		return several, nothing, err
	}
	if err != nil {
		return nil, nil, err
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(before, n+1)) // a lane in C holds one: with none left over, Go hands them round at each call
	end = func() error {
		runtime.GOMAXPROCS(before)
		return several.Close()
	}
	return several, end, nil
}

// laneShare is what one architecture takes while it is scored, relative to what its forward keeps: gradients, scratch memory, its
// network in the standard placement, and larger architectures than the one that is asked.
const laneShare = 4

// copiesOnGPU is how often a lane on a GPU has the parameters at most: those of the supernet and of the untrained standard one, each
// also packed for forward and for backward passes, and the gradients of the latter. Lanes on the CPU share what is packed.
const copiesOnGPU = 7

// lanes is the number of architectures that are scored at a time: one a thread, as far as the memory holds them, or this process's part
// of it. On a GPU the threads are those of the host, which take eigenvalues meanwhile, and the memory is what is free there, for the
// scorer itself too.
func (r *Run) lanes(c indicator.Config) (int, error) {
	threads, holds := r.Device.Info().Threads, func(bytes int64) bool { return hardware.Holds(int(bytes/4) * max(r.sharers, 1)) }
	free, own := kernels.FreeMemory(r.Device)
	if own {
		threads, holds = min(r.hostThreads(), train.MostLanes), func(bytes int64) bool { return bytes <= free }
	}
	sample := LiveSample(r.Net, 1, 0, "lanes")
	if threads < 2 || len(sample) == 0 {
		return 1, nil
	}
	p, err := r.Net.Program(sample[0])
	if err != nil {
		return 0, err
	}
	images := c.WithDefaults().Images
	exec, err := r.Device.Compile(p, r.Store, images)
	if err != nil {
		return 0, err
	}
	defer kernels.Release(exec)
	n, others, each := 1, 0, laneShare*exec.SavedBytes(images)
	if own {
		others, each = 1, each+copiesOnGPU*r.parameterBytes(c)
	}
	for n < threads && holds(int64(n+1+others)*each) {
		n++
	}
	return n, nil
}

// parameterBytes is the size of the parameters of the networks that a scorer of c has: those of repeats are others without a folder.
func (r *Run) parameterBytes(c indicator.Config) int64 {
	params := r.Store.Params()
	all := 4 * int64(kernels.Elements(params, kernels.AllIDs(params)))
	if r.Dir == "" {
		all *= max(int64(c.Repeats), 1)
	}
	return all
}

// hostThreads is the number of threads of the host that a run on a GPU may use.
func (r *Run) hostThreads() int {
	if r.Config.Threads > 0 {
		return r.Config.Threads
	}
	return runtime.GOMAXPROCS(0)
}
