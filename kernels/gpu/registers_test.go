package gpu_test

import (
	"testing"

	"bnas.example/kernels/gpu"
)

func TestUsageOf(t *testing.T) {
	for _, a := range gpu.Architectures {
		usage, err := gpu.UsageOf(a)
		if err != nil {
			t.Fatal(err)
		}
		u := usage["conv_fp32"]
		if u.Registers < 32 || u.Registers > 255 || u.Shared < 0 || u.Shared > 4096 {
			t.Errorf("sm_%d: conv_fp32 takes %+v", a, u)
		}
	}
	if _, err := gpu.UsageOf(35); err == nil {
		t.Error("there is an sm_35")
	}
}
