// Package hardware says what the machine has.
package hardware

import (
	"math"
	"sync"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Memory returns the bytes of memory that this process may have: those of the machine, or the limit of its container or of its job of a
// batch system (cgroups 1 and 2, or ulimit -v) if it is less. It returns 0 if they are unknown. It looks once.
var Memory = sync.OnceValue(func() int64 {
	least := uint64(math.MaxInt64)
	for _, look := range []memlimit.Provider{memlimit.FromSystem, memlimit.FromCgroup, addressSpace} {
		if bytes, err := look(); err == nil {
			least = min(least, bytes)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return int64(least)
})

// Holds reports whether the memory has room for so many float32. It does if the memory is unknown.
func Holds(floats int) bool {
	total := Memory()
	return total == 0 || int64(floats) <= total/4
}
