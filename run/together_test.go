package run

import (
	"log/slog"
	"os"
	"strings"
	"testing"
)

// TestShareOfCores: processes that mpirun has bound to cores of their own use these, and others share those of the machine.
func TestShareOfCores(t *testing.T) {
	for _, c := range []struct{ own, launcher, processes, want int }{
		{64, 64, 4, 16}, // not bound
		{8, 32, 4, 8},   // bound to 8 cores each
		{1, 64, 2, 1},   // bound to a core each
		{16, 32, 4, 8},  // two on each half
		{2, 2, 4, 1},
	} {
		if got := shareOf(c.own, c.launcher, c.processes); got != c.want {
			t.Errorf("%+v: %d threads", c, got)
		}
	}
	t.Setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "")
	var log strings.Builder
	if (&Together{LocalRanks: 2}).warnBound(slog.New(slog.NewTextHandler(&log, nil))); log.Len() > 0 {
		t.Errorf("without mpirun: %s", &log)
	}
	for own, lines := range map[int]int{1: 1, 4: 0, 8: 0} {
		log.Reset()
		if warnFewer(slog.New(slog.NewTextHandler(&log, nil)), own, 4); strings.Count(log.String(), "--bind-to none") != lines {
			t.Errorf("%d cores of a share of 4: %q", own, &log)
		}
	}
}

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
