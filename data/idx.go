package data

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
)

// normalImages is the largest number of images for measuring mean and standard deviation of a set in memory.
const normalImages = 2000

// openIDX reads a set of the MNIST family. Images smaller than the requested size, but larger than two thirds of it, get a
// border of zeros (28×28 in 32×32, as in LeNet-5). Other images are resized. Without names the numbers of the classes are
// their names. Mean and standard deviation are those of the training images at that size.
func openIDX(files fs.FS, o Options, classes []string) (Set, error) {
	trainSet, err := readIDX(files, o.Dir, train)
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
	mean, std, err := measure(fit(trainSet, o.Height, o.Width), normalImages)
	if err != nil {
		return nil, err
	}
	s := trainSet
	if o.Split == test {
		if s, err = readIDX(files, o.Dir, test); err != nil {
			return nil, err
		}
	}
	for i, label := range s.labels {
		if int(label) >= len(classes) {
			return nil, fmt.Errorf("%s labels: record %d: label %d, but there are only %d classes", o.Split, i, label, len(classes))
		}
	}
	s.name, s.classes, s.mean, s.std = o.Name, classes, mean, std
	return fit(s, o.Height, o.Width), nil
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
	dims, images, path, err := readIDXFile(files, dir, split, "images", 3, 4)
	if err != nil {
		return nil, err
	}
	m := &memory{pixels: images}
	if err := m.shape(dims); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	labelDims, labels, labelPath, err := readIDXFile(files, dir, split, "labels", 1)
	if err != nil {
		return nil, err
	}
	if labelDims[0] != dims[0] {
		return nil, fmt.Errorf("%s holds %d labels, %s %d images", labelPath, labelDims[0], path, dims[0])
	}
	m.labels = labels
	sum := sha256.New()
	fmt.Fprintln(sum, dims)
	sum.Write(images)
	sum.Write(labels)
	m.hash = hex.EncodeToString(sum.Sum(nil))
	return m, nil
}

// shape accepts N×H×W, N×3×H×W and N×H×W×3. It turns the last into planes.
func (m *memory) shape(dims []int) error {
	switch {
	case len(dims) == 3:
		m.channels, m.height, m.width = 1, dims[1], dims[2]
	case dims[1] == 3:
		m.channels, m.height, m.width = 3, dims[2], dims[3]
	case dims[3] == 3:
		m.channels, m.height, m.width = 3, dims[1], dims[2]
		image := make([]byte, 3*m.height*m.width)
		for at := 0; at < len(m.pixels); at += len(image) {
			copy(image, m.pixels[at:])
			for i, v := range image {
				m.pixels[at+i%3*m.height*m.width+i/3] = v
			}
		}
	default:
		return fmt.Errorf("images of %v have no dimension of three channels", dims[1:])
	}
	if m.height > maxSide || m.width > maxSide {
		return fmt.Errorf("images of %d×%d: each side must be at most %d", m.height, m.width, maxSide)
	}
	return nil
}

// readIDXFile finds and reads the file of a split's images or labels.
func readIDXFile(files fs.FS, dir, split, kind string, ranks ...int) (dims []int, content []byte, path string, err error) {
	var names []string
	prefixes := []string{split}
	if split == test {
		prefixes = []string{"t10k", "test"}
	}
	for _, prefix := range prefixes {
		for _, rank := range ranks {
			for _, separator := range []string{"-", "."} { // some archives unpack to train-images.idx3-ubyte
				name := fmt.Sprintf("%s-%s%sidx%d-ubyte", prefix, kind, separator, rank)
				names = append(names, name, name+".gz")
			}
		}
	}
	for _, name := range names {
		f, err := files.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		path = filepath.Join(dir, name)
		if err == nil {
			dims, content, err = parseIDX(f, ranks)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return nil, nil, path, fmt.Errorf("%s: %w", path, err)
		}
		return dims, content, path, nil
	}
	return nil, nil, "", fmt.Errorf("no %s in %s, with or without .gz; the sets of the MNIST family come as four such files", names[0], dir)
}

// parseIDX reads an IDX file of unsigned bytes, gzip-compressed or not: two zero bytes, the type 8, the rank, the
// dimensions as big-endian 32-bit numbers, the content. Source: http://yann.lecun.com/exdb/mnist
func parseIDX(r io.Reader, ranks []int) (dims []int, content []byte, err error) {
	b := bufio.NewReader(r)
	if magic, err := b.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, err
		}
		defer z.Close()
		b = bufio.NewReader(z)
	}
	var head [4]byte
	if _, err := io.ReadFull(b, head[:]); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if head[0] != 0 || head[1] != 0 || head[2] != 8 {
		return nil, nil, fmt.Errorf("not an IDX file of bytes: it begins with % x, not 00 00 08", head[:3])
	}
	if !slices.Contains(ranks, int(head[3])) {
		return nil, nil, fmt.Errorf("an array of rank %d, where %v is needed", head[3], ranks)
	}
	size := 1
	for i := range int(head[3]) {
		var d uint32
		if err := binary.Read(b, binary.BigEndian, &d); err != nil {
			return nil, nil, fmt.Errorf("header: dimension %d: %w", i, err)
		}
		const most = 1 << 36 // bytes
		if d == 0 || int(d) > most/size {
			return nil, nil, fmt.Errorf("header: impossible dimensions %v", append(dims, int(d)))
		}
		dims = append(dims, int(d))
		size *= int(d)
	}
	content, err = io.ReadAll(io.LimitReader(b, int64(size)+1)) // grows with the file, not with the header
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	if record := size / dims[0]; len(content) < size {
		return nil, nil, fmt.Errorf("truncated: it ends in record %d with %d bytes of content; %d records of %d bytes make %d",
			len(content)/record, len(content), dims[0], record, size)
	}
	if len(content) > size {
		return nil, nil, fmt.Errorf("too long: more than the %d bytes of content that the header %v gives", size, dims)
	}
	return dims, content, nil
}
