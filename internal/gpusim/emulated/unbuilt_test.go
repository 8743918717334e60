//go:build !cgo || !linux || !gpusim

package emulated

import (
	"errors"
	"strings"
	"testing"

	"bnas.example/kernels"
)

func TestUnbuilt(t *testing.T) {
	_, err := New(Options{})
	if !errors.Is(err, kernels.ErrUnsupported) || !strings.Contains(err.Error(), "-tags gpusim") {
		t.Errorf("%v, want an error that wraps ErrUnsupported and says how to build it", err)
	}
}
