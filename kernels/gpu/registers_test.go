package gpu_test

import (
	"maps"
	"testing"

	"bnas.example/kernels/gpu"
)

func TestUsageOf(t *testing.T) {
	for _, a := range gpu.Architectures {
		u := usage(t, a)["conv_fp32"]
		if u.Registers < 32 || u.Registers > 255 || u.Shared < 0 || u.Shared > 4096 {
			t.Errorf("sm_%d: conv_fp32 takes %+v", a, u)
		}
	}
	if ada, ampere := usage(t, 89), usage(t, 86); !maps.Equal(ada, ampere) {
		t.Error("capability 8.9 runs the cubins of 8.6, and does not have their usage")
	}
	if _, err := gpu.UsageOf(35); err == nil {
		t.Error("there is an sm_35")
	}
}

func usage(t *testing.T, capability int) map[string]gpu.Usage {
	usage, err := gpu.UsageOf(capability)
	if err != nil {
		t.Fatal(err)
	}
	return usage
}
