package hoststore_test

import (
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

func params() []kernels.Param {
	return []kernels.Param{
		{Name: "gamma", Kind: kernels.Gamma, Shape: []int{5}},
		{Name: "conv", Kind: kernels.ConvWeight, Shape: []int{1, 6, 1, 1}},
		{Name: "bias", Kind: kernels.LinearBias, Shape: []int{2}},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadWrite(t *testing.T) {
	s := hoststore.New(params())
	want := []float32{1, 2, 3, 4, 5}
	must(t, s.Write(kernels.Grad, want, 0))
	want[0] = 9 // the store has a copy
	got := make([]float32, 5)
	must(t, s.Read(kernels.Grad, got, 0))
	if !slices.Equal(got, []float32{1, 2, 3, 4, 5}) {
		t.Errorf("read %v", got)
	}
	must(t, s.Read(kernels.Data, got, 0))
	if !slices.Equal(got, make([]float32, 5)) {
		t.Errorf("Data starts as %v", got)
	}
	s.Slice(0, kernels.Data)[2] = 7
	must(t, s.Read(kernels.Data, got, 0))
	if got[2] != 7 {
		t.Error("Slice is not the live array")
	}
}

// The version of a parameter changes if and only if its Data is written.
func TestVersion(t *testing.T) {
	s := hoststore.New(params())
	steps := []struct {
		name string
		do   func() error
		want []bool // which parameters have another version
	}{
		{"Write of Grad", func() error { return s.Write(kernels.Grad, make([]float32, 5), 0) }, []bool{false, false, false}},
		{"Write of Data", func() error { return s.Write(kernels.Data, make([]float32, 6), 1) }, []bool{false, true, false}},
		{"Read", func() error { return s.Read(kernels.Data, make([]float32, 6), 1) }, []bool{false, false, false}},
		{"Update", func() error { _, err := s.Update(kernels.Update{LR: 1}, []kernels.ParamID{0, 2}); return err }, []bool{true, false, true}},
	}
	for _, step := range steps {
		var before []uint64
		for id := range params() {
			before = append(before, s.Version(kernels.ParamID(id)))
		}
		must(t, step.do())
		for id := range params() {
			if changed := s.Version(kernels.ParamID(id)) != before[id]; changed != step.want[id] {
				t.Errorf("%s: the version of parameter %d changes: %v, must be %v", step.name, id, changed, step.want[id])
			}
		}
	}
}

// A twin has the same Data and versions. A change of the one leaves the other as it is, and no two changes have one version.
func TestTwin(t *testing.T) {
	s := hoststore.New(params())
	must(t, s.Write(kernels.Data, []float32{1, 2, 3, 4, 5}, 0))
	twin := s.Twin()
	if twin.Version(0) != s.Version(0) || !slices.Equal(twin.Slice(0, kernels.Data), s.Slice(0, kernels.Data)) {
		t.Fatal("the twin has other Data")
	}
	must(t, s.Write(kernels.Data, []float32{6, 7, 8, 9, 10}, 0))
	if got := twin.Slice(0, kernels.Data)[0]; got != 1 {
		t.Errorf("a write of the store changes the twin: %v", got)
	}
	must(t, twin.Write(kernels.Data, []float32{0, 0, 0, 0, 0}, 0))
	if got := s.Slice(0, kernels.Data)[0]; got != 6 {
		t.Errorf("a write of the twin changes the store: %v", got)
	}
	if twin.Version(0) == s.Version(0) {
		t.Error("other Data have the same version")
	}
}

// Parameters with the name, the shape and the Data of another Store's get its version. No later change of either has a version that
// one of the two had.
func TestMatch(t *testing.T) {
	s, other := hoststore.New(params()), hoststore.New(append([]kernels.Param{{Name: "more", Kind: kernels.Beta, Shape: []int{5}}}, params()...))
	seen := map[uint64]bool{}
	for i := range 20 { // more changes than the other has
		must(t, s.Write(kernels.Data, []float32{1, 2, 3, 4, float32(i)}, 0))
		seen[s.Version(0)] = true
	}
	must(t, s.Write(kernels.Data, []float32{1, 2, 3, 4, 5, 6}, 1))
	must(t, other.Write(kernels.Data, []float32{1, 2, 3, 4, 18}, 1))
	must(t, other.Write(kernels.Data, []float32{1, 2, 3, 4, 5, 6}, 2))
	if got, want := s.Match(other), []kernels.ParamID{kernels.NoParam, 2, 3}; !slices.Equal(got, want) {
		t.Fatalf("matches %v, want %v", got, want)
	}
	if s.Version(1) != other.Version(2) {
		t.Error("equal Data of two versions")
	}
	for range 30 {
		must(t, s.Write(kernels.Data, make([]float32, 5), 0))
		must(t, other.Write(kernels.Data, make([]float32, 5), 1))
		for _, v := range []uint64{s.Version(0), other.Version(1)} {
			if seen[v] {
				t.Fatalf("version %d comes again", v)
			}
			seen[v] = true
		}
	}
}
