package main

import (
	"bnas.example/data"
	"bnas.example/philox"
)

// evalBatch is how many images run at once where nothing is trained.
const evalBatch = 128

// batches gathers un-augmented images in batches of evalBatch.
func batches(set data.Set, indices []int) ([]data.Batch, error) {
	var all []data.Batch
	for len(indices) > 0 {
		n := min(evalBatch, len(indices))
		b, err := data.Gather(set, indices[:n])
		if err != nil {
			return nil, err
		}
		all = append(all, b)
		indices = indices[n:]
	}
	return all, nil
}

// calibration gathers n training images to recompute BatchNorm's statistics on, the same for every architecture.
func (s *session) calibration(n int) ([]data.Batch, error) {
	n = min(n, len(s.train))
	order := philox.New(s.cfg.Score.Seed, "calibration images", 0).Perm(len(s.train))
	indices := make([]int, n)
	for i := range indices {
		indices[i] = s.train[order[i]]
	}
	return batches(s.set, indices)
}
