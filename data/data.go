// Package data reads data sets of labelled images and makes training batches. Each batch is a function of (seed, step).
package data

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Set is a data set whose images have 8 bits a channel, one size, and one channel (grey) or three (RGB). Read is safe for
// concurrent use.
type Set interface {
	Name() string
	Len() int
	Classes() []string
	Size() (height, width int)
	Channels() int
	Label(i int) int
	// Read writes image i as planes, channels·height·width bytes: all red, all green, all blue, or all grey.
	Read(dst []byte, i int) error
	// Normal returns the mean and standard deviation of each channel, in units of a byte. The caller must not change them.
	Normal() (mean, std []float64)
	// Hash identifies the content. Results record it.
	Hash() string
}

// Options names a data set, its folder, the part to read, and the size to which images are resized.
type Options struct {
	Name   string `yaml:"name"`   // one of Names
	Dir    string `yaml:"dir"`    // the folder of its files; the embedded set has none
	Split  string `yaml:"split"`  // train (the default) or test
	Height int    `yaml:"height"` // 0: the set's own; for a square, Height or Width is enough
	Width  int    `yaml:"width"`
	Normal Normal `yaml:"normal"` // the zero value: the set's own
	// Channels is 1, or 3, to which grey images are tripled; 0: the set's own. Those of fashion are three equal ones: it stands
	// in for the images in colour of the benchmarks.
	Channels int `yaml:"channels"`
}

const (
	train = "train"
	test  = "test"

	maxSide = 4096 // of an image as the networks see it

	grey, colour = 1, 3 // channels
)

// ErrColour means that a set with images in colour was opened for one channel. Errors wrap it.
var ErrColour = errors.New("is in colour")

// ErrNoFolder means that a data set with files was opened without its folder. Errors wrap it.
var ErrNoFolder = errors.New("needs the folder of its files")

// ErrNoSize means that a set whose images have no common size was opened without one. Errors wrap it.
var ErrNoSize = errors.New("the images of a folder have no common size; give the one to which they are resized")

// Names lists the names that Open accepts.
func Names() []string { return []string{"fashion", "cifar10", "cifar100", "idx", "folder"} }

// Open opens a data set. It makes all checks that are possible without decoding every image. The sets are:
//
//	fashion   the embedded subset of Fashion-MNIST: 8,000 training and 2,000 test images, 32×32
//	cifar10   CIFAR-10, binary version: data_batch_1.bin … data_batch_5.bin, test_batch.bin
//	cifar100  CIFAR-100, binary version: train.bin, test.bin; the labels are the 100 fine ones
//	idx       the MNIST family: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-…; also .gz, and idx4 with channels
//	folder    one folder of JPEG, PNG and WebP files for each class; see openFolder
//
// An error names the file, and the record if the file has records.
func Open(o Options) (Set, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var s Set
	switch o.Name {
	case "fashion":
		s, err = openFashion(o)
	case "cifar10":
		s, err = openCIFAR(o, cifar10)
	case "cifar100":
		s, err = openCIFAR(o, cifar100)
	case "idx":
		s, err = openIDX(idxFiles(os.DirFS(o.Dir), o.Dir), o, nil)
	case "folder":
		s, err = openFolder(o)
	}
	if err != nil {
		return nil, named(o.Name, err)
	}
	if s, err = o.Normal.of(s); err != nil {
		return nil, named(o.Name, err)
	}
	if o.Split == train && o.Dir != "" {
		mean, std := s.Normal()
		slog.Info("normalisation", "set", o.Dir, "channels", s.Channels(), "mean", fmt.Sprintf("%.4g", mean), "std", fmt.Sprintf("%.4g", std))
	}
	return s, nil
}

// complete checks the options and sets those that follow from others.
func (o Options) complete() (Options, error) {
	if !slices.Contains(Names(), o.Name) {
		return o, fmt.Errorf("unknown data set %q; there are %s", o.Name, strings.Join(Names(), ", "))
	}
	if o.Split == "" {
		o.Split = train
	}
	if o.Split != train && o.Split != test {
		return o, fmt.Errorf("unknown split %q; there are train and test", o.Split)
	}
	if o.Height == 0 {
		o.Height = o.Width
	}
	if o.Width == 0 {
		o.Width = o.Height
	}
	if o.Height < 0 || o.Width < 0 || o.Height > maxSide || o.Width > maxSide {
		return o, fmt.Errorf("images of %d×%d are not possible: each side must be from 1 to %d", o.Height, o.Width, maxSide)
	}
	if o.Channels != 0 && o.Channels != grey && o.Channels != colour {
		return o, fmt.Errorf("images of %d channels are not possible: there are 1 (grey) and 3 (colour)", o.Channels)
	}
	if err := o.Normal.Validate(); err != nil {
		return o, err
	}
	if o.Name == "fashion" {
		if o.Dir != "" {
			return o, errors.New("fashion is built in and has no folder; the set of a folder is cifar10, cifar100, idx or folder")
		}
		return o, nil
	}
	if o.Dir == "" {
		return o, fmt.Errorf("%s %w", o.Name, ErrNoFolder)
	}
	o.Dir = filepath.Clean(o.Dir)
	info, err := os.Stat(o.Dir)
	if err != nil {
		return o, fmt.Errorf("%s: %w", o.Name, err)
	}
	if !info.IsDir() {
		return o, fmt.Errorf("%s: %s is a file; the folder that holds the set is needed", o.Name, o.Dir)
	}
	return o, nil
}
