//go:build unix

package cluster

import (
	"maps"
	"os/exec"
	"sync"
	"testing"
)

// TestPlacesOfWorkers: a worker that ends is replaced at its place, where it has the same GPU, until barren of them have ended since the
// last architecture that was settled.
func TestPlacesOfWorkers(t *testing.T) {
	for settled, want := range map[int]map[int]int{ // the worker of place 0 that ends after an architecture was settled; 0: none
		0:          {0: barren, 1: barren, 2: barren},
		barren - 1: {0: 2*barren - 2},
	} {
		d := newDesk(t, 0)
		d.open(t)
		var mu sync.Mutex
		begun := map[int]int{}
		l := startLocal(d.server, d.Coordinator, len(want), func(place int) *exec.Cmd {
			mu.Lock()
			defer mu.Unlock()
			if begun[place]++; begun[place] == settled {
				d.mu.Lock()
				d.ended++
				d.mu.Unlock()
			}
			return exec.Command("sh", "-c", "kill -9 $$")
		})
		l.done.Wait()
		l.close()
		if !maps.Equal(begun, want) {
			t.Errorf("begun %v, want %v", begun, want)
		}
	}
}
