//go:build cgo

package cpu_test

import (
	"testing"
	"time"

	"bnas.example/kernels"
)

// The phases of a step are in the time of its threads. A convolution's products are counted as they are computed: the mixed cell
// takes less than the direct ones.
func TestProfile(t *testing.T) {
	const threads = 2
	e, images, labels := network(t, threads, cells["mixed"])
	p := kernels.Unwrap(e).(kernels.Profiler)
	images, labels = images[:len(images)/16], labels[:batch/16]
	pass := func() { step(t, e, images, labels, true) }
	pass()
	p.Profile()
	start := time.Now()
	pass()
	wall := time.Since(start)
	phases, flops := p.Phases()
	var sum time.Duration
	for i, d := range phases {
		if d <= 0 {
			t.Errorf("the phase %v takes %v", kernels.Phase(i), d)
		}
		sum += d
	}
	if sum > threads*wall {
		t.Errorf("the phases take %v of %v on %d threads", sum, wall, threads)
	}
	direct := 4 * float64(e.Program().MACs()) * float64(len(labels))
	if flops < direct/8 || flops > direct {
		t.Errorf("%.3g operations, direct %.3g", flops, direct)
	}
	p.Profile()
	if _, flops := p.Phases(); flops != 0 {
		t.Errorf("a new profile begins with %v operations", flops)
	}
}
