package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync"
	"testing"
)

// identity is a set of n images of 1×1 pixel. The bytes of an image are its number. The normalisation is the identity.
func identity(n int) *memory {
	m := synthetic(n, 1, 1)
	for i := range n {
		m.pixels[3*i], m.pixels[3*i+1] = byte(i), byte(i>>8)
	}
	m.mean, m.std = []float64{0, 0, 0}, []float64{1, 1, 1}
	return m
}

// numbers returns the numbers of the images of identity in a batch.
func numbers(t *testing.T, b Batch) []int {
	t.Helper()
	var got []int
	for v := range slices.Chunk(b.Images, 3) {
		got = append(got, int(v[0])+256*int(v[1]))
	}
	for k, i := range got {
		if b.Labels[k] != i%3 {
			t.Errorf("image %d has label %d", i, b.Labels[k])
		}
	}
	return got
}

func at(t *testing.T, l *Loader, step int) Batch {
	t.Helper()
	b, err := l.At(step)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLoaderEpochs(t *testing.T) {
	indices := []int{300, 5, 17, 260, 2, 9, 40, 41, 42, 43, 44}
	l, err := NewLoader(identity(301), indices, 3, Augment{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	if l.StepsPerEpoch() != 3 {
		t.Fatalf("%d steps an epoch, want 3", l.StepsPerEpoch())
	}
	var epochs [][]int
	left := map[int]bool{}
	for e := range 20 {
		var images []int
		for k := range 3 {
			images = append(images, numbers(t, at(t, l, 3*e+k))...)
		}
		epochs = append(epochs, slices.Clone(images))
		slices.Sort(images)
		if len(slices.Compact(images)) != 9 {
			t.Errorf("epoch %d shows an image twice: %v", e, images)
		}
		for _, i := range indices {
			if !slices.Contains(images, i) {
				left[i] = true
			}
		}
	}
	if slices.Equal(epochs[0], epochs[1]) {
		t.Error("two epochs have one order")
	}
	if len(left) < 6 {
		t.Errorf("only %d images are ever left over", len(left))
	}
}

func TestLoaderIsAFunctionOfSeedAndStep(t *testing.T) {
	s := synthetic(23, 6, 6)
	open := func(seed uint64) *Loader {
		l, err := NewLoader(s, nil, 4, Augment{2, true, 3}, seed)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	forward, backward, other := open(1), open(1), open(2)
	var want []Batch
	for step := range 20 {
		want = append(want, at(t, forward, step))
	}
	var wait sync.WaitGroup
	for step := 19; step >= 0; step-- {
		wait.Go(func() {
			b, err := backward.At(step)
			if err != nil || !equal(b, want[step]) {
				t.Errorf("step %d made on its own differs, or error %v", step, err)
			}
		})
	}
	wait.Wait()
	for step := range 20 {
		if equal(at(t, other, step), want[step]) {
			t.Errorf("step %d does not depend on the seed", step)
		}
	}
}

func equal(a, b Batch) bool {
	return slices.Equal(a.Labels, b.Labels) && a.Height == b.Height && a.Width == b.Width && slices.Equal(a.Images, b.Images)
}

// TestLoaderGolden checks the batches of a seed against fixed values. A run of an earlier version can thus be resumed.
func TestLoaderGolden(t *testing.T) {
	l, err := NewLoader(synthetic(64, 8, 8), nil, 8, Augment{PadCrop: 2, Flip: true, Cutout: 4}, 42)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, step := range []int{0, 7, 8, 100000} {
		b := at(t, l, step)
		if err := binary.Write(sum, binary.LittleEndian, b.Images); err != nil {
			t.Fatal(err)
		}
	}
	const want = "ab5f0a64bb79bac97d481d6db734eb38cabf7c54e87d48d11ca8c505c71214d4"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("SHA-256 of the batches is %s, want %s", got, want)
	}
}

func TestLoaderRefuses(t *testing.T) {
	s := synthetic(5, 4, 4)
	for _, c := range []struct {
		indices []int
		batch   int
		says    string
	}{
		{[]int{0, 5}, 1, "no image 5"},
		{[]int{-1}, 1, "no image -1"},
		{[]int{}, 1, "no image"},
		{nil, 0, "batches of 0"},
		{nil, 6, "a batch of 6 is more than the 5 images of synthetic"},
	} {
		_, err := NewLoader(s, c.indices, c.batch, Augment{}, 1)
		wantError(t, err, c.says)
	}
	l, err := NewLoader(s, nil, 5, Augment{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.At(-1)
	wantError(t, err, "counted from 0")
}

func TestGather(t *testing.T) {
	s := synthetic(50, 3, 2)
	indices := []int{4, 0, 49}
	for i := range 40 {
		indices = append(indices, i)
	}
	b, err := Gather(s, indices)
	if err != nil {
		t.Fatal(err)
	}
	images := b.Images
	if len(images) != 43*3*3*2 || b.Height != 3 || b.Width != 2 || len(b.Labels) != 43 {
		t.Fatalf("%d values, %d×%d, %d labels", len(images), b.Height, b.Width, len(b.Labels))
	}
	for k, i := range indices {
		if b.Labels[k] != i%3 {
			t.Errorf("label %d is %d", k, b.Labels[k])
		}
		for j, v := range read(t, s, i) {
			c := j / 6
			if want := float32((float64(v) - s.mean[c]) / s.std[c]); images[k*18+j] != want {
				t.Fatalf("value %d of image %d is %v, want %v", j, i, images[k*18+j], want)
			}
		}
	}
	_, err = Gather(s, []int{50})
	wantError(t, err, "no image 50")
	_, err = Gather(s, nil)
	wantError(t, err, "no image")
	_, err = Gather(failing{s, 3}, []int{0, 3})
	wantError(t, err, "image 3 is damaged")
}

func TestHoldout(t *testing.T) {
	for _, c := range []struct{ n, size, want int }{{100, 30, 30}, {10, 0, 0}, {10, 10, 10}, {10, 12, 10}, {10, -1, 0}} {
		train, holdout := Holdout(c.n, c.size, 5)
		if len(holdout) != c.want || len(train) != c.n-c.want {
			t.Errorf("Holdout(%d, %d): %d and %d", c.n, c.size, len(train), len(holdout))
		}
		if !slices.IsSorted(train) || !slices.IsSorted(holdout) {
			t.Errorf("Holdout(%d, %d) is not in order", c.n, c.size)
		}
		all := slices.Concat(train, holdout)
		slices.Sort(all)
		for i, v := range all {
			if i != v {
				t.Fatalf("Holdout(%d, %d) together is %v", c.n, c.size, all)
			}
		}
		again, holdoutAgain := Holdout(c.n, c.size, 5)
		if !slices.Equal(train, again) || !slices.Equal(holdout, holdoutAgain) {
			t.Error("Holdout differs from call to call")
		}
	}
	_, a := Holdout(100, 30, 1)
	_, b := Holdout(100, 30, 2)
	if slices.Equal(a, b) {
		t.Error("Holdout does not depend on the seed")
	}
}

func BenchmarkLoader(b *testing.B) {
	s := synthetic(2000, 32, 32)
	for name, set := range map[string]Set{"32": s, "16": resize(s, 16, 16)} {
		b.Run(name, func(b *testing.B) {
			l, err := NewLoader(set, nil, 64, Augment{PadCrop: 2, Flip: true, Cutout: 8}, 1)
			if err != nil {
				b.Fatal(err)
			}
			for step := range b.N {
				if _, err := l.At(step); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*64)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// TestSome: of images in the order of their classes each class gives its share; of others they are the first.
func TestSome(t *testing.T) {
	sorted := &memory{name: "idx", labels: []byte{0, 0, 0, 0, 1, 1, 2, 2, 2, 2}}
	mixed := &memory{name: "idx", labels: []byte{0, 2, 0, 1, 0, 2}}
	for _, c := range []struct {
		set     Set
		indices []int
		n       int
		want    []int
	}{
		{sorted, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 5, []int{0, 2, 4, 6, 8}},
		{sorted, []int{1, 3, 4, 6, 9}, 2, []int{1, 4}},
		{sorted, []int{1, 3, 4}, 0, []int{1, 3, 4}},
		{sorted, []int{1, 3, 4}, 7, []int{1, 3, 4}},
		{mixed, []int{0, 1, 2, 3, 4, 5}, 3, []int{0, 1, 2}},
		{mixed, []int{0, 2, 3, 5}, 2, []int{0, 3}},
	} {
		if got := Some(c.set, c.indices, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d of %v: %v, want %v", c.n, c.indices, got, c.want)
		}
	}
}
