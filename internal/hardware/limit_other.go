//go:build !linux

package hardware

import "github.com/KimMachineGun/automemlimit/memlimit"

// addressSpace is known on Linux alone.
func addressSpace() (uint64, error) { return 0, memlimit.ErrNoLimit }
