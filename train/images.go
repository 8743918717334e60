package train

import (
	"bnas.example/data"
	"bnas.example/kernels"
)

// shown is a batch, or a part of it, as a device takes it.
type shown struct {
	images []float32
	pixels *kernels.Pixels // instead of images
	labels []int
}

func showing(b data.Batch) shown {
	s := shown{images: b.Images, labels: b.Labels}
	if b.Pixels == nil {
		return s
	}
	s.pixels = &kernels.Pixels{Bytes: b.Pixels.Bytes, Views: make([]kernels.PixelView, len(b.Pixels.Views)), Table: b.Pixels.Table}
	for i, v := range b.Pixels.Views {
		s.pixels.Views[i] = kernels.PixelView(v)
	}
	return s
}

// shard returns part i of so many equal ones.
func (s shown) shard(i, of int) shown {
	part := shown{labels: share(s.labels, i, of), images: share(s.images, i, of)}
	if p := s.pixels; p != nil {
		part.pixels = &kernels.Pixels{Bytes: share(p.Bytes, i, of), Views: share(p.Views, i, of), Table: p.Table}
	}
	return part
}

func share[T any](all []T, i, of int) []T {
	n := len(all) / of
	return all[i*n : (i+1)*n]
}

// forward runs the images, normalised by the statistics of all of them.
func (s shown) forward(exec kernels.Exec) error {
	if s.pixels != nil {
		return kernels.ForwardPixels(exec, *s.pixels, len(s.labels))
	}
	return exec.Forward(s.images, len(s.labels))
}
