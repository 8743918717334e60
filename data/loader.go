package data

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"bnas.example/internal/amount"
	"bnas.example/philox"
)

// Loader makes the training batches of a set. It is safe for concurrent use.
type Loader struct {
	set     Set
	indices []int
	batch   int
	augment Augment
	seed    uint64
	normal  normal

	mu     sync.Mutex
	orders [2]order // of an even and an odd epoch: batches around the end of an epoch are made in parallel
}

// order is the order of the images in an epoch.
type order struct {
	epoch  int
	images []int
}

// NewLoader returns a Loader of the images at indices, or of all images if indices is nil.
func NewLoader(s Set, indices []int, batch int, a Augment, seed uint64) (*Loader, error) {
	if indices == nil {
		indices = make([]int, s.Len())
		for i := range indices {
			indices[i] = i
		}
	}
	if err := checkIndices(s, indices); err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("data: batches of %d images", batch)
	}
	if len(indices) < batch {
		return nil, fmt.Errorf("data: a batch of %d is more than the %s of %s", batch, amount.Of(len(indices), "image"), s.Name())
	}
	if err := a.check(s.Size()); err != nil {
		return nil, err
	}
	return &Loader{
		set: s, indices: slices.Clone(indices), batch: batch, augment: a, seed: seed, normal: normalizer(s),
	}, nil
}

// StepsPerEpoch returns the number of full batches. The remaining images differ from epoch to epoch.
func (l *Loader) StepsPerEpoch() int { return len(l.indices) / l.batch }

// At returns the batch of a step, counted from 0 over all epochs. The batch depends only on the arguments of NewLoader
// and on the step. Philox(seed, "shuffle", e) shuffles the epoch e = step / StepsPerEpoch. Philox(seed, "augment",
// step·batch + k) augments the image in place k of the batch.
func (l *Loader) At(step int) (Batch, error) {
	h, w := l.set.Size()
	b := newBatch(l.set, l.batch)
	size := len(b.Images) / l.batch
	src := make([]byte, size)
	err := l.each(step, b.Labels, func(k, image int, v View) error {
		if err := readImage(l.set, src, image); err != nil {
			return err
		}
		l.normal.write(b.Images[k*size:(k+1)*size], src, h, w, v)
		return nil
	})
	if err != nil {
		return Batch{}, err
	}
	return b, nil
}

// PixelsAt returns the batch of a step as Pixels.
func (l *Loader) PixelsAt(step int) (Batch, error) {
	h, w := l.set.Size()
	size := l.set.Channels() * h * w
	p := &Pixels{Bytes: make([]byte, l.batch*size), Views: make([]View, l.batch), Table: l.normal.table()}
	b := Batch{Channels: l.set.Channels(), Height: h, Width: w, Labels: make([]int, l.batch), Pixels: p}
	err := l.each(step, b.Labels, func(k, image int, v View) error {
		p.Views[k] = v
		return readImage(l.set, p.Bytes[k*size:(k+1)*size], image)
	})
	if err != nil {
		return Batch{}, err
	}
	return b, nil
}

// each writes the labels of a step's images and calls f with the place, the number and the view of each image.
func (l *Loader) each(step int, labels []int, f func(k, image int, v View) error) error {
	if step < 0 {
		return errors.New("data: steps are counted from 0")
	}
	perEpoch := l.StepsPerEpoch()
	h, w := l.set.Size()
	for k, i := range l.epoch(step / perEpoch)[step%perEpoch*l.batch:][:l.batch] {
		labels[k] = l.set.Label(i)
		v := l.augment.draw(philox.New(l.seed, "augment", uint64(step)*uint64(l.batch)+uint64(k)), h, w)
		if err := f(k, i, v); err != nil {
			return err
		}
	}
	return nil
}

// epoch returns the order of the images in an epoch. The caller must not write to it.
func (l *Loader) epoch(e int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := &l.orders[e%2]
	if o.images == nil || o.epoch != e {
		images := philox.New(l.seed, "shuffle", uint64(e)).Perm(len(l.indices))
		for k, p := range images {
			images[k] = l.indices[p]
		}
		*o = order{e, images}
	}
	return o.images
}
