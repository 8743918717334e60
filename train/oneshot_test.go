package train

import (
	"math"
	"testing"

	"bnas.example/data"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// Pooling batches of unequal sizes must give the moments of all values together.
func TestPool(t *testing.T) {
	r := philox.New(1, "pool", 0)
	var all []float64
	mean, variance, total := []float64{0}, []float64{0}, 0.0
	for _, n := range []int{5, 1, 17, 8} {
		batch := make([]float64, n)
		for i := range batch {
			batch[i] = 3*r.Float64() + float64(n)
		}
		m, v := moments(batch)
		pool(mean, variance, total, []float64{m}, []float64{v}, float64(n))
		total += float64(n)
		all = append(all, batch...)
	}
	m, v := moments(all)
	if !(math.Abs(mean[0]-m) <= 1e-12) || !(math.Abs(variance[0]-v) <= 1e-12) {
		t.Errorf("pooled %v, %v; want %v, %v", mean[0], variance[0], m, v)
	}
}

func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, variance
}

func arch(t *testing.T, s supernet.Space, text string) supernet.Arch {
	t.Helper()
	a, err := s.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const mixed = "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|"

// If the only calibration batch is the validation batch, the result must be that of a training pass over the batch.
func TestOneShotOfTheCalibrationBatch(t *testing.T) {
	cfg := quick(5)
	cfg.LabelSmoothing = 0
	r := newRig(t, tiny(t), cfg)
	b, err := r.loader.At(3)
	if err != nil {
		t.Fatal(err)
	}
	a := arch(t, r.net.Space, mixed)
	got, err := OneShot(r.net, r.dev, r.store, a, []data.Batch{b}, []data.Batch{b})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	run, err := r.trainer(t, cfg, t.TempDir()).gradient(lane{r.dev, r.store}, 0, p, 0, showing(b))
	if err != nil {
		t.Fatal(err)
	}
	loss, err := run.figures()
	if err != nil {
		t.Fatal(err)
	}
	want := Accuracy{Top1: float64(loss.Correct) / 6, NLL: loss.Mean, Images: 6}
	if got.Top1 != want.Top1 || got.Images != want.Images || !(math.Abs(got.NLL-want.NLL) <= 1e-6) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOneShotOfATrainedSupernet(t *testing.T) {
	cfg := quick(150)
	cfg.Optimizer, cfg.LR, cfg.GammaEvery = AdamW, 0.05, 0
	r := newRig(t, tiny(t), cfg)
	var batches []data.Batch
	for _, indices := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7, 8}, {9, 10, 11, 12}} {
		b, err := data.Gather(tints{n: 30, side: 8}, indices)
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, b)
	}
	a := arch(t, r.net.Space, mixed)
	before, err := OneShot(r.net, r.dev, r.store, a, batches, batches)
	if err != nil {
		t.Fatal(err)
	}
	run(t, r.trainer(t, cfg, t.TempDir()))
	after, err := OneShot(r.net, r.dev, r.store, a, batches, batches)
	if err != nil {
		t.Fatal(err)
	}
	if after.Images != 13 || !(after.NLL <= before.NLL-0.05) || after.Top1 < 0.6 {
		t.Errorf("before training %+v, after %+v", before, after)
	}
	if _, err := OneShot(r.net, r.dev, r.store, a, nil, batches); err == nil {
		t.Error("no calibration batches: no error")
	}
}
