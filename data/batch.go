package data

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Batch holds images with their labels. The images are normalised with the mean and standard deviation of the set.
type Batch struct {
	Images        []float32 // N×3×H×W
	Height, Width int
	Labels        []int // N
}

func newBatch(n, height, width int) Batch {
	return Batch{Images: make([]float32, n*3*height*width), Height: height, Width: width, Labels: make([]int, n)}
}

// Gather makes one batch of the images at indices. It normalises them and does not augment them.
func Gather(s Set, indices []int) (Batch, error) {
	if err := checkIndices(s, indices); err != nil {
		return Batch{}, err
	}
	h, w := s.Size()
	n := normalizer(s)
	batch := newBatch(len(indices), h, w)
	var group errgroup.Group
	const chunk = 16
	group.SetLimit(runtime.GOMAXPROCS(0))
	for first := 0; first < len(indices); first += chunk {
		group.Go(func() error {
			bytes := make([]byte, 3*h*w)
			for k := first; k < min(first+chunk, len(indices)); k++ {
				if err := readImage(s, bytes, indices[k]); err != nil {
					return err
				}
				batch.Labels[k] = s.Label(indices[k])
				n.write(batch.Images[k*3*h*w:(k+1)*3*h*w], bytes, h, w, view{})
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
