package run

import (
	"errors"
	"iter"
	"slices"

	"bnas.example/data"
	"bnas.example/internal/setting"
	"bnas.example/philox"
)

// evalBatch is the batch size of passes without training.
const evalBatch = 128

// openImages opens a split of the data set. Its images have the size of the supernet's input, if cfg has one, and so many channels
// (0: their own).
func openImages(cfg Config, split string, channels int) (data.Set, error) {
	set, err := data.Open(data.Options{
		Name: cfg.Data.Name, Dir: cfg.Data.Dir, Split: split, Height: cfg.Supernet.Height, Width: cfg.Supernet.Width,
		Normal: cfg.Data.Normal(), Channels: channels,
	})
	if errors.Is(err, data.ErrNoFolder) {
		return nil, setting.Errorf("data.dir", "is missing: %s %v", cfg.Data.Name, data.ErrNoFolder)
	}
	if errors.Is(err, data.ErrColour) {
		return nil, setting.Errorf("supernet.image_channels", "1: the networks read grey images; %v", err)
	}
	if errors.Is(err, data.ErrNoSize) {
		return nil, setting.Errorf("supernet.height", "and supernet.width are missing: %v", data.ErrNoSize)
	}
	return set, err
}

// ImagesHash returns the hash of the training images of a configuration.
func ImagesHash(cfg Config) (string, error) {
	set, err := openImages(cfg, "train", cfg.Supernet.ImageChannels)
	if err != nil {
		return "", err
	}
	return set.Hash(), nil
}

// CalibrationImages gathers n training images, or all if there are fewer. The statistics of BatchNorm are recomputed on
// them. They are the same for every architecture.
func (r *Run) CalibrationImages(n int) ([]data.Batch, error) {
	n = min(n, len(r.Training))
	order := philox.New(r.Config.Score.SeedOfImages(), "calibration images", 0).Perm(len(r.Training))
	indices := make([]int, n)
	for i := range indices {
		indices[i] = r.Training[order[i]]
	}
	return batches(r.Images, indices)
}

// UnseenImages draws n images that were held out from training, or n training images if fewer were held out. They depend
// on the seed and the purpose. If there are too few of both, the error is an *ImagesError.
func (r *Run) UnseenImages(n int, seed uint64, purpose string) (data.Batch, error) {
	from, err := r.unseen(n)
	if err != nil {
		return data.Batch{}, err
	}
	order := philox.New(seed, purpose, 0).Perm(len(from))
	chosen := make([]int, n)
	for i := range chosen {
		chosen[i] = from[order[i]]
	}
	return data.Gather(r.Images, chosen)
}

// unseen returns the images from which UnseenImages draws n.
func (r *Run) unseen(n int) ([]int, error) {
	from := r.HeldOut
	if len(from) < n {
		from = r.Training
	}
	if len(from) < n {
		return nil, &ImagesError{Set: r.Images.Name(), Need: n, Have: len(from)}
	}
	return from, nil
}

// ErrNoHoldout is the error of HeldOutImages if the run holds out no images.
var ErrNoHoldout = errors.New("the run holds out no training images")

// HeldOutImages gathers n images that were held out from training, or all if n is 0: see data.Some.
func (r *Run) HeldOutImages(n int) ([]data.Batch, error) {
	if len(r.HeldOut) == 0 {
		return nil, ErrNoHoldout
	}
	return batches(r.Images, data.Some(r.Images, r.HeldOut, n))
}

// TestImages gathers n images of the test set, or all if n is 0: see data.Some.
func (r *Run) TestImages(n int) ([]data.Batch, error) {
	each, err := r.eachTestImage(n)
	if err != nil {
		return nil, err
	}
	return collect(each)
}

// eachTestImage gives the batches of TestImages, one at a time in memory.
func (r *Run) eachTestImage(n int) (iter.Seq2[data.Batch, error], error) {
	set, err := openImages(r.Config, "test", r.Images.Channels())
	if err != nil {
		return nil, err
	}
	indices := make([]int, set.Len())
	for i := range indices {
		indices[i] = i
	}
	return eachBatch(set, data.Some(set, indices, n)), nil
}

// batches gathers images in batches of evalBatch, without augmentation.
func batches(set data.Set, indices []int) ([]data.Batch, error) {
	return collect(eachBatch(set, indices))
}

// eachBatch gives the batches of batches, one at a time in memory. It ends at an error.
func eachBatch(set data.Set, indices []int) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		for chunk := range slices.Chunk(indices, evalBatch) {
			if b, err := data.Gather(set, chunk); !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// collect returns all batches, or the first error.
func collect(each iter.Seq2[data.Batch, error]) ([]data.Batch, error) {
	var all []data.Batch
	for b, err := range each {
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
