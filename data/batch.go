package data

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Batch holds images with their labels. The images are normalised with the mean and standard deviation of the set.
type Batch struct {
	Images        []float32 // N×C×H×W
	Channels      int       // C
	Height, Width int
	Labels        []int // N

	// Pixels is the batch before augmentation and normalisation, for a device that does both; then Images is nil. Otherwise it
	// is nil.
	Pixels *Pixels
}

// Pixels is a batch as bytes and what makes floats of them.
type Pixels struct {
	Bytes []byte    // N×C×H×W
	Views []View    // N
	Table []float32 // C×256: (byte − mean)/std
}

// newBatch returns a batch for n images of the set.
func newBatch(s Set, n int) Batch {
	h, w := s.Size()
	c := s.Channels()
	return Batch{Images: make([]float32, n*c*h*w), Channels: c, Height: h, Width: w, Labels: make([]int, n)}
}

// Gather makes one batch of the images at indices. It normalises them and does not augment them.
func Gather(s Set, indices []int) (Batch, error) {
	if err := checkIndices(s, indices); err != nil {
		return Batch{}, err
	}
	h, w := s.Size()
	n := normalizer(s)
	batch := newBatch(s, len(indices))
	size := len(batch.Images) / len(indices)
	var group errgroup.Group
	const chunk = 16
	group.SetLimit(runtime.GOMAXPROCS(0))
	for first := 0; first < len(indices); first += chunk {
		group.Go(func() error {
			bytes := make([]byte, size)
			for k := first; k < min(first+chunk, len(indices)); k++ {
				if err := readImage(s, bytes, indices[k]); err != nil {
					return err
				}
				batch.Labels[k] = s.Label(indices[k])
				n.write(batch.Images[k*size:(k+1)*size], bytes, h, w, View{})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Batch{}, err
	}
	return batch, nil
}

func checkIndices(s Set, indices []int) error {
	if len(indices) == 0 {
		return errors.New("data: a batch of no image")
	}
	for _, i := range indices {
		if i < 0 || i >= s.Len() {
			return fmt.Errorf("data: %s has no image %d: it holds %d", s.Name(), i, s.Len())
		}
	}
	return nil
}
