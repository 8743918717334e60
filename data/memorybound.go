package data

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// These bounds decide the memory that files can claim. What a header or a compressed file says does not.
const (
	mostSet      = 4 << 30 // bytes of the images of a set that is kept in memory
	mostLabels   = 1 << 28 // bytes of its labels
	mostDecoding = 1 << 30 // bytes that all goroutines together use to decode the images of folders
)

// decoding holds the bytes that are free for decoders.
var decoding = semaphore.NewWeighted(mostDecoding)

// withMemory runs f when the given bytes are free for it. A demand that can never be met is an error.
func withMemory(bytes int64, f func() error) error {
	if bytes > mostDecoding {
		return fmt.Errorf("decoding takes %d MiB, at most %d are allowed; shrink the image", bytes>>20, mostDecoding>>20)
	}
	if err := decoding.Acquire(context.Background(), bytes); err != nil {
		return err
	}
	defer decoding.Release(bytes)
	return f()
}
