package main

import (
	"strings"
	"testing"
)

// TestDoctorNamesTheDriver: the line of the GPU names the driver's version, or says that there is none to name.
func TestDoctorNamesTheDriver(t *testing.T) {
	for _, c := range []struct {
		present bool
		version string
		want    string
	}{
		{false, "", "none: no NVIDIA driver is loaded; "},
		{false, "580.95.05", "driver 580.95.05 is loaded but there is no /dev/nvidiactl "},
		{true, "580.95.05", "driver 580.95.05, "},
		{true, "", "a driver that does not tell its version, "},
	} {
		if got := describeGPU(0, c.present, c.version); !strings.Contains(got, c.want) {
			t.Errorf("present %v, version %q: %q, want %q", c.present, c.version, got, c.want)
		}
	}
}
