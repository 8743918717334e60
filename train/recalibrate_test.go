package train

import (
	"testing"

	"bnas.example/data"
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
	if _, err := Recalibrate(r.net, r.dev, r.store, a, nil); err == nil {
		t.Error("no calibration batches: no error")
	}
}
