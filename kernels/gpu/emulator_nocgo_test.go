//go:build !cgo || !linux || !gpusim

package gpu

import (
	"errors"
	"testing"

	"bnas.example/kernels"
)

func TestNoCgo(t *testing.T) {
	if _, err := NewEmulator(Options{}); !errors.Is(err, kernels.ErrUnsupported) {
		t.Errorf("%v, want an error that wraps ErrUnsupported", err)
	}
}
