package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"

	"bnas.example/internal/amount"
)

// normalImages is the largest number of images for measuring mean and standard deviation of a set in memory.
const normalImages = 2000

// idxSource reads a split of a set of the MNIST family, which the caller may change but for its labels and pixels, and measures the
// mean and standard deviation of a set.
type idxSource struct {
	split  func(split string) (*memory, error)
	normal func(Set) (mean, std []float64, err error)
}

// idxFiles reads from files at every call.
func idxFiles(files fs.FS, dir string) idxSource {
	return idxSource{
		func(split string) (*memory, error) { return readIDX(files, dir, split) },
		func(s Set) (mean, std []float64, err error) { return measure(s, normalImages) },
	}
}

// openIDX opens a set of the MNIST family. Images smaller than the requested size, but larger than two thirds of it, get a
// border of zeros (28×28 in 32×32, as in LeNet-5). Other images are resized. Without names the numbers of the classes are
// their names. Mean and standard deviation are those of the training images at that size.
func openIDX(from idxSource, o Options, classes []string) (Set, error) {
	trainSet, err := from.split(train)
	if err != nil {
		return nil, err
	}
	if classes == nil {
		for i := range int(slices.Max(trainSet.labels)) + 1 {
			classes = append(classes, strconv.Itoa(i))
		}
	}
	if o.Height == 0 {
		o.Height, o.Width = trainSet.height, trainSet.width
	}
	if err := trainSet.give(o.Channels); err != nil {
		return nil, err
	}
	mean, std, err := from.normal(fit(trainSet, o.Height, o.Width))
	if err != nil {
		return nil, err
	}
	s := trainSet
	if o.Split == test {
		if s, err = from.split(test); err != nil {
			return nil, err
		}
		if err := s.give(trainSet.channels); err != nil {
			return nil, fmt.Errorf("the training images are grey, but those of the test split: %w", err)
		}
	}
	for i, label := range s.labels {
		if int(label) >= len(classes) {
			return nil, fmt.Errorf("%s labels: record %d: label %d, but there are only %d classes", o.Split, i, label, len(classes))
		}
	}
	s.name, s.classes, s.mean, s.std = o.Name, classes, mean, std
	if o.Dir != "" {
		s.warn(o.Dir, o.Split)
	}
	return fit(s, o.Height, o.Width), nil
}

// warn logs what is probably a mistake in the files, and how grey images are read.
func (m *memory) warn(dir, split string) {
	counts := make([]int, len(m.classes))
	for _, label := range m.labels {
		counts[label]++
	}
	if split == train && len(counts) > 1 && counts[0] == 0 && !slices.Contains(counts[1:], 0) {
		slog.Warn("the labels begin at 1, and so class 0 has no image; subtract 1 from each label", "set", dir, "classes", len(counts))
	} else {
		warnOfClasses(dir, split, m.classes, counts)
	}
	if m.channels > m.stored {
		slog.Info("grey images are read as three equal channels", "set", dir)
	}
}

func fit(s Set, height, width int) Set {
	h, w := s.Size()
	if h <= height && w <= width && 2*height < 3*h && 2*width < 3*w {
		return pad(s, height, width)
	}
	return resize(s, height, width)
}

// readIDX reads the images and labels of a split. The caller sets name, classes and normalisation.
func readIDX(files fs.FS, dir, split string) (*memory, error) {
	labels, err := openIDXFile(files, dir, split, "labels", mostLabels, 1)
	if err != nil {
		return nil, err
	}
	defer labels.Close()
	images, err := openIDXFile(files, dir, split, "images", mostSet, 3, 4)
	if err != nil {
		return nil, err
	}
	defer images.Close()
	if labels.dims[0] != images.dims[0] { // before anything of this size is read
		return nil, fmt.Errorf("%s holds %s, %s %s", labels.path, amount.Of(labels.dims[0], "label"), images.path, amount.Of(images.dims[0], "image"))
	}
	m := &memory{}
	if err := m.shape(images.dims); err != nil {
		return nil, fmt.Errorf("%s: %w", images.path, err)
	}
	if m.labels, err = labels.content(); err != nil {
		return nil, err
	}
	if m.pixels, err = images.content(); err != nil {
		return nil, err
	}
	if m.stored == colour && images.dims[1] != colour {
		m.makePlanes()
	}
	sum := sha256.New()
	fmt.Fprintln(sum, images.dims)
	sum.Write(m.pixels)
	sum.Write(m.labels)
	m.hash = hex.EncodeToString(sum.Sum(nil))
	return m, nil
}

// shape accepts N×H×W, and N×C×H×W and N×H×W×C of one or three channels.
func (m *memory) shape(dims []int) error {
	switch {
	case len(dims) == 3:
		m.stored, m.height, m.width = grey, dims[1], dims[2]
	case dims[1] == colour || dims[1] == grey && dims[3] != colour:
		m.stored, m.height, m.width = dims[1], dims[2], dims[3]
	case dims[3] == colour || dims[3] == grey:
		m.stored, m.height, m.width = dims[3], dims[1], dims[2]
	default:
		return fmt.Errorf("images of %v have no dimension of one or three channels", dims[1:])
	}
	if m.height > maxSide || m.width > maxSide {
		return fmt.Errorf("images of %d×%d: each side must be at most %d", m.height, m.width, maxSide)
	}
	return nil
}

// makePlanes turns images of H×W×3 into planes.
func (m *memory) makePlanes() {
	image := make([]byte, 3*m.height*m.width)
	for at := 0; at < len(m.pixels); at += len(image) {
		copy(image, m.pixels[at:])
		for i, v := range image {
			m.pixels[at+i%3*m.height*m.width+i/3] = v
		}
	}
}
