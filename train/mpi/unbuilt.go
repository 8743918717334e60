//go:build !mpi

package mpi

import "errors"

// Built reports whether this program can join others.
const Built = false

// Open returns an error: this program was built without MPI.
func Open(Place) (World, error) {
	return nil, errors.New("this program was built without MPI; the one with it is made by `make mpi`: bin/bnas-mpi")
}
