package ntk

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func symmetric(n int, v ...float64) *mat.SymDense { return mat.NewSymDense(n, v) }

func TestAddKernel(t *testing.T) {
	j := []float32{1, 2, 3, -1, 0, 2}
	for _, c := range []struct {
		factors []float64
		want    []float64
	}{
		{nil, []float64{14, 5, 5, 5}},
		{[]float64{2, 1, .5}, []float64{4 + 4 + 2.25, -4 + 1.5, -4 + 1.5, 4 + 1}},
	} {
		k := mat.NewSymDense(2, nil)
		AddKernel(k, j, c.factors)
		if !mat.Equal(k, symmetric(2, c.want...)) {
			t.Errorf("factors %v: kernel %v, want %v", c.factors, mat.Formatted(k), c.want)
		}
	}
	twice := symmetric(2, 14, 5, 5, 5)
	AddKernel(twice, j, nil)
	if !mat.Equal(twice, symmetric(2, 28, 10, 10, 10)) {
		t.Errorf("a kernel added to itself is %v", mat.Formatted(twice))
	}
}

func TestCondition(t *testing.T) {
	// [[2 1] [1 2]] has eigenvalues 1 and 3.
	values, err := Eigenvalues(symmetric(2, 2, 1, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if !(math.Abs(values[0]-1) <= 1e-12) || !(math.Abs(values[1]-3) <= 1e-12) {
		t.Errorf("eigenvalues %v", values)
	}
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{1, 3}, math.Log(3)},
		{[]float64{-1e-9, 3}, 6 * math.Ln10}, // at most 1/floor
		{[]float64{0, 0}, math.Inf(1)},
		{nil, math.Inf(1)},
	} {
		if got := LogCondition(c.values); !(math.Abs(got-c.want) <= 1e-12) && got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := Eigenvalues(symmetric(2, 1, v, v, 1)); err == nil || !strings.Contains(err.Error(), "element (0, 1)") {
			t.Errorf("eigenvalues of a matrix with %v: %v", v, err)
		}
	}
}

func TestDriftAndAlignment(t *testing.T) {
	a, b := symmetric(2, 3, 0, 0, 4), symmetric(2, 3, 0, 0, 9)
	if got, err := Drift(b, a); err != nil || got != 1 {
		t.Errorf("drift %v, %v; want 5/5", got, err)
	}
	if got, err := Alignment(a, symmetric(2, 6, 0, 0, 8)); err != nil || !(math.Abs(got-1) <= 1e-15) {
		t.Errorf("alignment of multiples %v, %v", got, err)
	}
	if got, err := Alignment(symmetric(2, 1, 0, 0, 0), symmetric(2, 0, 0, 0, 1)); err != nil || got != 0 {
		t.Errorf("alignment of orthogonal kernels %v, %v", got, err)
	}
	zero := symmetric(2, 0, 0, 0, 0)
	if _, err := Drift(a, zero); err == nil {
		t.Error("drift from zero")
	}
	if _, err := Alignment(a, zero); err == nil {
		t.Error("alignment with zero")
	}
	if _, err := Drift(a, symmetric(1, 1)); err == nil {
		t.Error("drift between sizes")
	}
	// Row means 2 and 4, mean of all 3.
	if centred := Centre(symmetric(2, 3, 1, 1, 7)); !mat.Equal(centred, symmetric(2, 2, -2, -2, 2)) {
		t.Errorf("centred %v", mat.Formatted(centred))
	}
}
