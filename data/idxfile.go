package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"bnas.example/internal/amount"
)

// idxArray is an open IDX file of unsigned bytes, gzip-compressed or not: two zero bytes, the type 8, the rank, the dimensions
// as big-endian 32-bit numbers, the content. Source: http://yann.lecun.com/exdb/mnist
type idxArray struct {
	io.Closer
	path string
	dims []int
	size int // of the content, in bytes
	sure int // bytes of it that the file is known to have
	rest io.Reader
}

// openIDXFile finds the file of a split's images or labels, and reads its header. A header with more than most bytes of
// content is an error.
func openIDXFile(files fs.FS, dir, split, kind string, most int64, ranks ...int) (*idxArray, error) {
	names := idxNames(split, kind, ranks)
	for _, name := range names {
		info, err := fs.Stat(files, name) // before it is opened: a pipe would wait for its writer
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		path := filepath.Join(dir, name)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("not a regular file")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		f, err := files.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		x := &idxArray{Closer: f, path: path}
		if err := x.header(f, info.Size(), most, ranks); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return x, nil
	}
	return nil, fmt.Errorf("no %s in %s, with or without .gz; the sets of the MNIST family come as four such files", names[0], dir)
}

// idxNames lists the names under which archives have the file.
func idxNames(split, kind string, ranks []int) (names []string) {
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
	return names
}

// deflateMost is the largest ratio of a deflate stream: 258 bytes for two bits.
const deflateMost = 1032

// header reads the header of a file of the given size. It compares the content that the header claims with the size: a
// compressed file can be at most deflateMost times as large when it is unpacked.
func (x *idxArray) header(r io.Reader, size, most int64, ranks []int) error {
	b := bufio.NewReader(r)
	packed := false
	if magic, err := b.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return err
		}
		b, packed = bufio.NewReader(z), true
	}
	var head [4]byte
	if _, err := io.ReadFull(b, head[:]); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if head[0] != 0 || head[1] != 0 || head[2] != 8 {
		return fmt.Errorf("not an IDX file of bytes: it begins with % x, not 00 00 08", head[:3])
	}
	if !slices.Contains(ranks, int(head[3])) {
		return fmt.Errorf("an array of rank %d, where %v is needed", head[3], ranks)
	}
	content := int64(1)
	for i := range int(head[3]) {
		var d uint32
		if err := binary.Read(b, binary.BigEndian, &d); err != nil {
			return fmt.Errorf("header: dimension %d: %w", i, err)
		}
		if d == 0 {
			return fmt.Errorf("header: impossible dimensions %v", append(x.dims, 0))
		}
		if int64(d) > most/content {
			return fmt.Errorf("header: dimensions %v make more than %d MiB, the most that is kept in memory", append(x.dims, int(d)), most>>20)
		}
		x.dims = append(x.dims, int(d))
		content *= int64(d)
	}
	start := int64(len(head) + 4*len(x.dims))
	x.size, x.rest = int(content), b
	if !packed {
		if have := size - start; have < content {
			return x.short(int(max(have, 0)))
		}
		x.sure = x.size
	} else if content/deflateMost > size {
		return fmt.Errorf("truncated: %d compressed bytes cannot hold the %s of content that the header %v gives", size, amount.Of(content, "byte"), x.dims)
	}
	return nil
}

// content reads what follows the header. The buffer of a compressed file grows with what arrives: while it grows, the old and
// the new one take at most twice the size.
func (x *idxArray) content() ([]byte, error) {
	content := make([]byte, min(x.size, max(x.sure, 1<<20)))
	have := 0
	for {
		n, err := io.ReadFull(x.rest, content[have:])
		have += n
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = x.short(have)
			}
			return nil, fmt.Errorf("%s: %w", x.path, err)
		}
		if have == x.size {
			break
		}
		larger := make([]byte, min(x.size, 2*have))
		copy(larger, content)
		content = larger
	}
	if err := x.end(); err != nil {
		return nil, fmt.Errorf("%s: %w", x.path, err)
	}
	return content, nil
}

// end checks that nothing follows the content. The end of a gzip file holds the checksum of all of it.
func (x *idxArray) end() error {
	n, err := io.ReadFull(x.rest, make([]byte, 1))
	switch {
	case n > 0:
		return fmt.Errorf("too long: more than the %s of content that the header %v gives", amount.Of(x.size, "byte"), x.dims)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("truncated: the checksum at the end of the gzip file is missing; copy the file again")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func (x *idxArray) short(have int) error {
	record := x.size / x.dims[0]
	return fmt.Errorf("truncated: it ends in record %d with %s of content; %s of %s make %d",
		have/record, amount.Of(have, "byte"), amount.Of(x.dims[0], "record"), amount.Of(record, "byte"), x.size)
}
