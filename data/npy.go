package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"bnas.example/internal/amount"
)

// The format is NumPy's (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3, in
// C order and little-endian. Other readers do not serve: ReadNpy of gorgonia.org/tensor ignores the byte order; npyio panics
// on a damaged header and allocates any size that a header gives.
const (
	npyMagic   = "\x93NUMPY"
	npyMostDic = 1 << 16 // bytes of a header
)

var npyHeader = regexp.MustCompile(`^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([0-9, ]*)\),?\s*\}\s*$`)

// Array is the array of a .npy file.
type Array struct {
	Shape []int
	Data  any // []float32, []float64, []int64 or []uint8, in C order
}

// String returns type and shape, as in "float32 [64 3 32 32]".
func (a Array) String() string {
	return fmt.Sprintf("%s %v", strings.TrimPrefix(fmt.Sprintf("%T", a.Data), "[]"), a.Shape)
}

// ReadNpy reads an array of float32, float64, int64 or uint8 with at least one dimension and one element.
func ReadNpy(path string) (Array, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return Array{}, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	d, err := parseNpy(f, size)
	if err != nil {
		return Array{}, fmt.Errorf("data: %s: %w", path, err)
	}
	return d, nil
}

// npyWidths holds the bytes of an element of each type that can be read.
var npyWidths = map[string]int64{"<f4": 4, "<f8": 8, "<i8": 8, "|u1": 1}

// parseNpy reads an array from a file of the given size. It takes no memory for content that the file lacks.
func parseNpy(r io.Reader, size int64) (Array, error) {
	header, start, err := readNpyHeader(r)
	if err != nil {
		return Array{}, err
	}
	descr, shape, err := parseNpyHeader(header)
	if err != nil {
		return Array{}, err
	}
	elements := int64(1)
	for _, d := range shape {
		if d == 0 || int64(d) > size/elements {
			return Array{}, fmt.Errorf("shape %v does not fit a file of %d bytes", shape, size)
		}
		elements *= int64(d)
	}
	width, ok := npyWidths[descr]
	if !ok {
		return Array{}, fmt.Errorf("type %q; float32 (<f4), float64 (<f8), int64 (<i8) and uint8 (|u1) can be read", descr)
	}
	if have, want := size-start, width*elements; have != want { // before memory for them is taken
		return Array{}, fmt.Errorf("%s of content, but shape %v of %s takes %d", amount.Of(have, "byte"), shape, descr, want)
	}
	var content any
	switch descr {
	case "<f4":
		content = make([]float32, elements)
	case "<f8":
		content = make([]float64, elements)
	case "<i8":
		content = make([]int64, elements)
	case "|u1":
		content = make([]uint8, elements)
	}
	if err := binary.Read(r, binary.LittleEndian, content); err != nil {
		return Array{}, err
	}
	return Array{Shape: shape, Data: content}, nil
}

// readNpyHeader returns the dictionary and the offset of the content.
func readNpyHeader(r io.Reader) (header string, start int64, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", 0, fmt.Errorf("header: %w", err)
	}
	if string(head[:6]) != npyMagic {
		return "", 0, errors.New("not a .npy file")
	}
	var length uint32
	switch head[6] {
	case 1:
		var short uint16
		err = binary.Read(r, binary.LittleEndian, &short)
		length, start = uint32(short), 10
	case 2, 3:
		err = binary.Read(r, binary.LittleEndian, &length)
		start = 12
	default:
		return "", 0, fmt.Errorf("version %d of the .npy format is unknown", head[6])
	}
	if err != nil {
		return "", 0, fmt.Errorf("header: %w", err)
	}
	if length > npyMostDic {
		return "", 0, fmt.Errorf("header of %d bytes; at most %d are read", length, npyMostDic)
	}
	dictionary := make([]byte, length)
	if _, err := io.ReadFull(r, dictionary); err != nil {
		return "", 0, fmt.Errorf("header: %w", err)
	}
	return string(dictionary), start + int64(length), nil
}

func parseNpyHeader(header string) (descr string, shape []int, err error) {
	match := npyHeader.FindStringSubmatch(header)
	if match == nil {
		return "", nil, fmt.Errorf("header %.100q is not a NumPy array's", header)
	}
	if match[2] == "True" {
		return "", nil, errors.New("the array is in Fortran order; numpy.ascontiguousarray turns it")
	}
	for field := range strings.SplitSeq(strings.TrimRight(match[3], ", "), ",") {
		d, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return "", nil, fmt.Errorf("shape (%s): it must be one or more numbers", match[3])
		}
		shape = append(shape, d)
	}
	return match[1], shape, nil
}
