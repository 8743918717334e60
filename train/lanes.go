package train

import (
	"cmp"
	"errors"
	"log/slog"

	"bnas.example/kernels"
)

// A GPU computes several parts of a step at a time, each in a lane: streams and memory of its own. The maps of a small network are too
// few for all multiprocessors. The lanes read the parameters where the store has them. A part depends on no other, and parts are added in
// their order: the step has the bits of a step in one lane.

// lane computes parts of a step. The first one is the trainer's device and store.
type lane struct {
	dev   kernels.Device
	store kernels.Store
}

// MostLanes is the largest number of lanes of a GPU, those of a scoring too: each has streams, and 8 MB of pinned memory.
const MostLanes = 16

// laneShare is what a part takes, relative to what its forward pass keeps: gradients, scratch memory, and paths larger than the one
// that is asked. laneCopies is how often a lane has the parameters: packed for forward and for backward passes, and their gradients.
const laneShare, laneCopies = 3, 3

// lane returns that of the i-th part of a rank.
func (t *Trainer) lane(i int) lane {
	if len(t.lanes) == 0 {
		return lane{t.dev, t.store}
	}
	return t.lanes[i%len(t.lanes)]
}

// openLanes opens a lane for each of so many parts, as far as the GPU's memory holds them; exec is of a part of so many images. Memory
// for one more part stays free. A lane takes its memory when it computes a part: what is free now is for all of them, and for those of
// all ranks, which may have one GPU.
func (t *Trainer) openLanes(exec kernels.Exec, images, parts int) error {
	if t.lanes != nil || t.oneLane {
		return nil
	}
	t.lanes = []lane{{t.dev, t.store}}
	most := min(parts, MostLanes)
	if t.Lanes > 0 {
		most = min(most, t.Lanes)
	}
	free, own := kernels.FreeMemory(t.dev)
	if !own {
		return nil
	}
	params := t.store.Params()
	each := laneShare*exec.SavedBytes(images) + laneCopies*4*int64(kernels.Elements(params, kernels.AllIDs(params)))
	for len(t.lanes) < most && int64(len(t.lanes)+1)*each <= free/int64(t.exchange.Ranks()) {
		next, err := t.openLane()
		if errors.Is(err, kernels.ErrUnsupported) || errors.Is(err, kernels.ErrOutOfMemory) {
			break
		}
		if err != nil {
			return err
		}
		t.lanes = append(t.lanes, next)
	}
	return nil
}

func (t *Trainer) openLane() (lane, error) {
	dev, err := kernels.Beside(t.dev, 1)
	if err != nil {
		return lane{}, err
	}
	store, err := kernels.Borrow(dev, t.store)
	if err == nil {
		err = kernels.Follow(dev, t.dev)
	}
	if err != nil {
		return lane{}, cmp.Or(dev.Close(), err)
	}
	return lane{dev, store}, nil
}

// followUpdate lets all lanes begin after the update that is in the queue of the first one.
func (t *Trainer) followUpdate() error {
	for i := 1; i < len(t.lanes); i++ {
		if err := kernels.Follow(t.lanes[i].dev, t.dev); err != nil {
			return err
		}
	}
	return nil
}

// closeLanes gives back the memory of all lanes but the first.
func (t *Trainer) closeLanes() error {
	var errs []error
	for i := 1; i < len(t.lanes); i++ {
		errs = append(errs, t.lanes[i].dev.Close())
	}
	t.lanes = nil
	return errors.Join(errs...)
}

// inOneLane calls f. If that fails for want of memory and there are lanes, it closes them for good and calls f again.
func (t *Trainer) inOneLane(f func() error) error {
	err := f()
	if !errors.Is(err, kernels.ErrOutOfMemory) || len(t.lanes) < 2 {
		return err
	}
	slog.Info("the memory holds one path of a step at a time", "tried", len(t.lanes), "error", err)
	t.oneLane = true
	if closed := t.closeLanes(); closed != nil {
		return errors.Join(err, closed)
	}
	return f()
}
