//go:build unix

package cluster

import (
	"maps"
	"os/exec"
	"sync"
	"testing"
)

// TestPlacesOfWorkers: a worker that ends is replaced at its place, where it has the same GPU.
func TestPlacesOfWorkers(t *testing.T) {
	d := newDesk(t, 0)
	d.open(t)
	var mu sync.Mutex
	begun := map[int]int{}
	l := startLocal(d.server, d.Coordinator, 3, func(place int) *exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		begun[place]++
		return exec.Command("sh", "-c", "kill -9 $$")
	})
	l.done.Wait()
	l.close()
	if want := map[int]int{0: barren, 1: barren, 2: barren}; !maps.Equal(begun, want) {
		t.Errorf("begun %v, want %v", begun, want)
	}
}
