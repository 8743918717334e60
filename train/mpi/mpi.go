//go:build mpi

package mpi

// #cgo pkg-config: ompi-c
// #include "gather.h"
import "C"

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// Built reports whether this program can join others.
const Built = true

// world is the World of this process. Its thread makes every call of MPI (MPI_THREAD_FUNNELED).
type world struct {
	Place
	limit  time.Duration
	names  []string // of the machines; nil: MPI is not started
	calls  chan func()
	failed error // of the start
}

// Open returns the World of a process that mpirun has started.
func Open(p Place) (World, error) {
	w := &world{Place: p, limit: DefaultLimit, calls: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for call := range w.calls {
			call()
		}
	}()
	return w, nil
}

func (w *world) Rank() int             { return w.Place.Rank }
func (w *world) Ranks() int            { return w.Place.Ranks }
func (w *world) Limit(d time.Duration) { w.limit = d }

func (w *world) Name(rank int) string {
	name := fmt.Sprintf("rank %d", rank)
	if rank < len(w.names) {
		name += " on " + w.names[rank]
	}
	return name
}

// call makes a call on the thread of MPI, and returns its error.
func (w *world) call(f func() C.int) C.int {
	done := make(chan C.int, 1)
	w.calls <- func() { done <- f() }
	return <-done
}

// start starts MPI and learns the names of the machines.
func (w *world) start() error {
	// Go handles the signals of faulty code itself.
	os.Setenv("OMPI_MCA_opal_signal", "")
	var rank, ranks C.int
	if code := w.call(func() C.int { return C.bnas_mpi_begin(&rank, &ranks) }); code != 0 {
		return w.fault(code)
	}
	w.names = []string{}
	if int(rank) != w.Place.Rank || int(ranks) != w.Place.Ranks {
		return fmt.Errorf("MPI says that this is rank %d of %d, the environment says %d of %d: start bnas with the mpirun of Open MPI, or by srun --mpi=pmix",
			rank, ranks, w.Place.Rank, w.Place.Ranks)
	}
	const longest = 64
	all := make([]byte, longest*w.Ranks())
	name, _ := os.Hostname()
	copy(all[longest*w.Rank():longest*(w.Rank()+1)], name)
	if err := w.gather(all, slices.Repeat([]int{longest}, w.Ranks())); err != nil {
		return err
	}
	for one := range slices.Chunk(all, longest) {
		w.names = append(w.names, strings.TrimRight(string(one), "\x00"))
	}
	return nil
}

func (w *world) Gather(all []byte, lengths []int) error {
	if w.names == nil && w.failed == nil {
		w.failed = w.start()
	}
	if w.failed != nil {
		return w.failed
	}
	return w.gather(all, lengths)
}

func (w *world) gather(all []byte, lengths []int) error {
	sizes := make([]C.int, len(lengths))
	for i, n := range lengths {
		if n > math.MaxInt32 {
			return fmt.Errorf("%d bytes of %s: one message has at most 2 GiB; take more shards, or fewer trained parameters", n, w.Name(i))
		}
		sizes[i] = C.int(n)
	}
	var silent C.int
	code := w.call(func() C.int {
		return C.bnas_mpi_gather((*C.char)(unsafe.Pointer(unsafe.SliceData(all))), &sizes[0], C.int(w.Rank()), C.int(w.Ranks()), C.double(w.limit.Seconds()), &silent)
	})
	switch code {
	case 0:
		return nil
	case C.BNAS_MPI_SILENT:
		return &SilentError{w.Name(int(silent)), w.limit}
	}
	return w.fault(code)
}

// fault is an error of MPI.
func (w *world) fault(code C.int) error {
	text := make([]C.char, 512)
	w.call(func() C.int { C.bnas_mpi_message(code, &text[0]); return 0 })
	return fmt.Errorf("MPI: %s", C.GoString(&text[0]))
}

func (w *world) Abort(code int) {
	if w.names == nil {
		os.Exit(code) // mpirun ends the others
	}
	w.call(func() C.int { C.bnas_mpi_abort(C.int(code)); return 0 })
}

func (w *world) Close() error {
	if w.names == nil || w.failed != nil {
		return nil
	}
	if code := w.call(func() C.int { return C.bnas_mpi_end() }); code != 0 {
		return w.fault(code)
	}
	return nil
}
