// Package mpi joins the processes that mpirun has started into one training, through Open MPI (build tag mpi). Without the tag it only
// tells whether mpirun has started this process. Open MPI is called directly: eight of its functions are enough.
package mpi

import (
	"fmt"
	"time"

	"bnas.example/train"
)

// World is the Exchange of the processes of one mpirun. Only one goroutine may use it. It starts MPI in the first Gather: before, the
// process may be replaced by another program.
type World interface {
	train.Exchange
	// Limit sets how long a Gather waits for another rank; 0: without end.
	Limit(time.Duration)
	// Abort ends the processes of all ranks. mpirun then ends with the code.
	Abort(code int)
	// Close ends MPI, if it was started. It waits for all ranks.
	Close() error
}

// DefaultLimit is longer than a rank takes that computes or ranks, and no more than what a user would wait for.
const DefaultLimit = 10 * time.Minute

// SilentError means that a rank has not come within the limit.
type SilentError struct {
	Rank  string
	Limit time.Duration
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("%s has not answered for %v", e.Rank, e.Limit)
}
