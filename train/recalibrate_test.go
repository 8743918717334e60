package train

import (
	"math"
	"testing"

	"bnas.example/data"
	"bnas.example/supernet"
)

// With the statistics of Recalibrate a network must have exactly the figures of OneShot.
func TestRecalibrateAgreesWithOneShot(t *testing.T) {
	r := newRig(t, tiny(t), quick(1))
	var batches []data.Batch
	for step := range 3 {
		b, err := r.loader.At(step)
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, b)
	}
	a := arch(t, r.net.Space, mixed)
	want, err := OneShot(r.net, r.dev, r.store, a, batches[:2], batches[2:])
	if err != nil {
		t.Fatal(err)
	}
	s, err := Recalibrate(r.net, r.dev, r.store, a, batches[:2])
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	exec, err := r.dev.Compile(p, r.store, 6)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.SetStatistics(s.Mean, s.Variance); err != nil {
		t.Fatal(err)
	}
	got, err := measure(each(batches[2:]), on(exec))
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("measured %+v, OneShot gave %+v", got, want)
	}
	// With frozen statistics an image has the same figures in any batch.
	parts, err := OneShot(r.net, r.dev, r.store, a, batches[:2], []data.Batch{cut(batches[2], 0, 1), cut(batches[2], 1, 6)})
	if err != nil || parts.Top1 != want.Top1 || parts.Images != 6 || !(math.Abs(parts.NLL-want.NLL) <= 1e-6) {
		t.Errorf("in two batches %+v, in one %+v, %v", parts, want, err)
	}
	if _, err := Recalibrate(r.net, r.dev, r.store, a, nil); err == nil {
		t.Error("no calibration batches: no error")
	}
}

// Batches of other sizes count by their images: behind the stem, whose input no statistics change, the moments are those of all images.
func TestRecalibrateWeighsBatches(t *testing.T) {
	r := newRig(t, tiny(t), quick(1))
	b, err := r.loader.At(0)
	if err != nil {
		t.Fatal(err)
	}
	a := arch(t, r.net.Space, mixed)
	of := func(batches ...data.Batch) supernet.Statistics {
		s, err := Recalibrate(r.net, r.dev, r.store, a, batches)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	p, err := r.net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	whole, parts := of(b), of(cut(b, 0, 1), cut(b, 1, 3), cut(b, 3, 6))
	for c := range p.Values[p.BNs[0].Value].C {
		if !(math.Abs(parts.Mean[c]-whole.Mean[c]) <= 1e-6) || !(math.Abs(parts.Variance[c]-whole.Variance[c]) <= 1e-6*whole.Variance[c]) {
			t.Errorf("%s, channel %d: %v and %v in parts, %v and %v of all", p.BNs[0].Name, c, parts.Mean[c], parts.Variance[c], whole.Mean[c], whole.Variance[c])
		}
	}
}

// cut returns the images from … to of a batch.
func cut(b data.Batch, from, to int) data.Batch {
	size := len(b.Images) / len(b.Labels)
	b.Images, b.Labels = b.Images[from*size:to*size], b.Labels[from:to]
	return b
}
