package hardware

import (
	"golang.org/x/sys/unix"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// addressSpace is the limit of ulimit -v, which some batch systems set.
func addressSpace() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err != nil {
		return 0, err
	}
	if limit.Cur == unix.RLIM_INFINITY {
		return 0, memlimit.ErrNoLimit
	}
	return limit.Cur, nil
}
