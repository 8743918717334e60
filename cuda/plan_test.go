package cuda

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bnas.example/internal/gpusim/paper"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// A batch that does not fit is refused before anything is allocated for it, and the number that is said to fit does.
func TestTooLarge(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 16, W: 16}, 4)
	a, err := newPlans(c.Program, 20, Storage{Precision: FP32})
	if err != nil {
		t.Fatal(err)
	}
	g := paper.New()
	d, err := New(g, Options{MemoryLimit: a.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	before := g.Used()
	_, err = d.Compile(c.Program, s, 64)
	if !errors.Is(err, ErrTooLarge) {
		t.Fatalf("64 images where 20 fit: %v", err)
	}
	if g.Used() != before {
		t.Errorf("%d bytes were allocated for what was refused", g.Used()-before)
	}
	var most int
	if _, rest, ok := strings.Cut(err.Error(), "at most "); ok {
		fmt.Sscan(rest, &most)
	}
	if most < 1 || most > 20 {
		t.Fatalf("the error says that %d fit, more than none and at most 20 do: %v", most, err)
	}
	if _, err := d.Compile(c.Program, s, most); err != nil {
		t.Errorf("%d images were said to fit: %v", most, err)
	}
	if _, err := d.Compile(c.Program, s, most+1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d images were said not to fit: %v", most+1, err)
	}
}
