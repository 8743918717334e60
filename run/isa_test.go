package run

import (
	"strings"
	"testing"

	"bnas.example/kernels/cpu"
)

// TestUnknownInstructionSet: a wrong name is an error. It does not select the reference device in silence.
func TestUnknownInstructionSet(t *testing.T) {
	if _, ok := cpu.Available(); !ok {
		t.Skip("built without the engine")
	}
	t.Setenv(cpu.ISAVariable, "avx9000")
	for _, device := range []string{"auto", "cpu"} {
		cfg := tiny()
		cfg.Device = device
		dev, err := OpenDevice(cfg, Options{})
		if err == nil {
			dev.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "BNAS_CPU_ISA=avx9000") {
			t.Errorf("%s: error %v", device, err)
		}
	}
}
