package run

import (
	"os"
	"testing"
)

// TestGPUOfRank: without CUDA_VISIBLE_DEVICES each process has the next GPU; with it, the next of those that it shows.
func TestGPUOfRank(t *testing.T) {
	for name, c := range map[string]struct {
		visible      string // - is not set
		first, local int
		want         int
	}{
		"not set":              {"-", 0, 3, 3},
		"not set, from 2":      {"-", 2, 1, 3},
		"as many as processes": {"4,5,6,7", 0, 3, 3},
		"its own":              {"3", 0, 3, 0},
		"two of its own":       {"GPU-1,GPU-2", 0, 3, 1},
		"from 1":               {"0,1,2", 1, 2, 1},
		"too few":              {"0,1", 2, 1, 3},
		"none":                 {"", 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CUDA_VISIBLE_DEVICES", c.visible)
			if c.visible == "-" {
				os.Unsetenv("CUDA_VISIBLE_DEVICES")
			}
			if got := (&Together{Local: c.local, LocalRanks: 4}).gpu(c.first); got != c.want {
				t.Errorf("GPU %d, want %d", got, c.want)
			}
		})
	}
	if got := (*Together)(nil).gpu(2); got != 2 {
		t.Errorf("one process: GPU %d, want 2", got)
	}
}
