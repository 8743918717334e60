package cuda

import (
	"errors"
	"testing"

	"bnas.example/internal/gpusim/paper"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// The host's part of a training step on a GPU that does nothing: of the all-3×3 path that is drawn anew, plans, tables and
// launches; of a path that is trained alone, graphs. As in train, batches differ and are bytes, and figures are read a step late.
func BenchmarkHostStep(b *testing.B) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Standard})
	if err != nil {
		b.Fatal(err)
	}
	a, err := net.Space.Parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|")
	if err != nil {
		b.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		b.Fatal(err)
	}
	for name, fixed := range map[string]bool{"drawn": false, "fixed": true} {
		b.Run(name, func(b *testing.B) {
			d, err := New(paper.New(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			s, err := d.NewStore(net.Params())
			if err != nil {
				b.Fatal(err)
			}
			h := hostStep{d: d, s: s, p: p, ids: net.Trainable(supernet.AllBNAndClassifier, p), labels: make([]int, 64)}
			for i := range h.pixels {
				shape := p.Values[kernels.Images].Shape
				h.pixels[i] = kernels.Pixels{
					Bytes: make([]byte, len(h.labels)*shape.Len()), Views: make([]kernels.PixelView, len(h.labels)), Table: make([]float32, 256*shape.C),
				}
				h.pixels[i].Bytes[0] = byte(i)
			}
			for b.Loop() {
				if err := h.step(fixed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// hostStep is what the steps of a benchmark share.
type hostStep struct {
	d      kernels.Device
	s      kernels.Store
	p      *kernels.Program
	ids    []kernels.ParamID
	pixels [2]kernels.Pixels
	labels []int
	steps  int
	execs  [2]kernels.Exec
	loss   *kernels.Pending[kernels.Loss] // of the step before
	norm   *kernels.Pending[float64]
}

func (h *hostStep) step(fixed bool) (err error) {
	i := h.steps % 2
	h.steps++
	if h.execs[i] == nil || !fixed {
		if h.execs[i] != nil {
			kernels.Release(h.execs[i])
		}
		if h.execs[i], err = h.d.Compile(h.p, h.s, len(h.labels)); err != nil {
			return err
		}
	}
	e := h.execs[i]
	if err := kernels.ForwardPixels(e, h.pixels[i], len(h.labels)); err != nil {
		return err
	}
	if h.norm != nil {
		_, err := h.norm.Wait()
		_, failed := h.loss.Wait()
		if err := errors.Join(err, failed); err != nil {
			return err
		}
	}
	if err := errors.Join(e.CrossEntropy(h.labels, 0), e.Backward(kernels.DifferentiateStatistics, false)); err != nil {
		return err
	}
	h.loss = e.QueueLoss()
	h.norm = h.s.QueueUpdate(kernels.Update{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9}, h.ids)
	return nil
}
