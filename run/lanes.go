package run

import (
	"context"
	"errors"
	"runtime"

	"bnas.example/indicator"
	"bnas.example/internal/hardware"
	"bnas.example/kernels"
	"bnas.example/search"
)

// here scores architectures in this process, several at a time where the device can: see lanes. stop and end are those of
// [Run.scores].
func (r *Run) here(c indicator.Config) (scores search.Evaluator, stop func(context.Context), end func() error, err error) {
	one, err := r.repeated(c)
	if err != nil {
		return nil, nil, nil, err
	}
	n, err := r.lanes(c)
	if err != nil {
		return nil, nil, nil, err
	}
	alone := func(ctx context.Context) { one.Stop = ctx.Err }
	if n < 2 {
		return one, alone, nothing, nil
	}
	several, err := indicator.NewLanes(one, n)
	if errors.Is(err, kernels.ErrUnsupported) {
		return one, alone, nothing, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(before, n+1)) // a lane in C holds one: with none left over, Go hands them round at each call
	end = func() error {
		runtime.GOMAXPROCS(before)
		return several.Close()
	}
	return several, func(ctx context.Context) { several.StopWith(ctx.Err) }, end, nil
}

// laneShare is what one architecture takes while it is scored, relative to what its forward keeps: gradients, scratch memory, its
// network in the standard placement, and larger architectures than the one that is asked.
const laneShare = 4

// lanes is the number of architectures that are scored at a time: one a thread, as far as a quarter of the memory holds them.
func (r *Run) lanes(c indicator.Config) (int, error) {
	threads := r.Device.Info().Threads
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
	n := 1
	for n < threads && hardware.Holds((n+1)*laneShare*int(exec.SavedBytes(images))/4) {
		n++
	}
	return n, nil
}
