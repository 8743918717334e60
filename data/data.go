// Package data reads data sets of labelled images, and makes of them batches that are functions of (seed, step).
package data

// Set is a data set whose images are 8-bit RGB of one size. Read is safe for concurrent use.
type Set interface {
	Name() string
	Len() int
	Classes() []string
	Size() (height, width int)
	Label(i int) int
	// Read writes image i as planes, 3·height·width bytes: all red, all green, all blue.
	Read(dst []byte, i int) error
	// Normal is the mean and standard deviation of each channel, in units of a byte.
	Normal() (mean, std [3]float64)
	// Hash identifies the content, for results that must name their data.
	Hash() string
}
