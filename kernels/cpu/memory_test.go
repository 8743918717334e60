//go:build cgo

package cpu

import (
	"strings"
	"testing"

	"bnas.example/internal/hardware"
)

// TestBlocksTogether: two blocks that fit the memory of the machine one by one, and not together.
func TestBlocksTogether(t *testing.T) {
	most := int(hardware.Memory() / 4 * 3 / 5)
	if most == 0 {
		t.Skip("the memory of this machine is unknown")
	}
	before := reserved.Load()
	a, b := new(memory), new(memory)
	defer a.free()
	defer b.free()
	if err := a.reserve(most); err != nil {
		t.Fatal(err)
	}
	err := b.reserve(most)
	if err == nil || !strings.Contains(err.Error(), "fewer images") {
		t.Errorf("a second block of 3/5 of the memory: error %v", err)
	}
	if err := b.reserve(most / 8); err != nil {
		t.Errorf("a small block beside it: %v", err)
	}
	a.free()
	if err := b.reserve(most); err != nil {
		t.Errorf("the first block is free, the second has none: %v", err)
	}
	b.free()
	if now := reserved.Load(); now != before {
		t.Errorf("%d floats are counted after the blocks were freed, %d before", now, before)
	}
}
