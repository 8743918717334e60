package interpreted

import "testing"

// The interpreter knows every instruction of every kernel.
func TestKernelsParse(t *testing.T) {
	if _, err := Kernels(); err != nil {
		t.Fatal(err)
	}
}
