package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"
)

// idxFile writes an IDX file of bytes.
func idxFile(content []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, content...)
}

func compress(t testing.TB, b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestIDXLayouts(t *testing.T) {
	gray := count(6)
	for _, c := range []struct {
		name   string
		images string
		file   []byte
		want   []byte // the first image
	}{
		{"gray", "train-images-idx3-ubyte", idxFile(count(12), 2, 2, 3), gray},
		{"dot", "train-images.idx3-ubyte", idxFile(count(12), 2, 2, 3), gray},
		{"gzip", "train-images-idx3-ubyte.gz", compress(t, idxFile(count(12), 2, 2, 3)), gray},
		{"gzip without the ending", "train-images-idx3-ubyte", compress(t, idxFile(count(12), 2, 2, 3)), gray},
		{"planes", "train-images-idx4-ubyte", idxFile(count(36), 2, 3, 2, 3), count(18)},
		{"gray interleaved", "train-images-idx4-ubyte", idxFile(count(12), 2, 2, 3, 1), gray},
		{"interleaved", "train-images-idx4-ubyte", idxFile(count(36), 2, 2, 3, 3),
			[]byte{0, 3, 6, 9, 12, 15, 1, 4, 7, 10, 13, 16, 2, 5, 8, 11, 14, 17}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, c.images), c.file)
			writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile([]byte{1, 4}, 2))
			s, err := Open(Options{Name: "idx", Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if h, w := s.Size(); h != 2 || w != 3 || s.Len() != 2 || s.Label(1) != 4 || len(s.Classes()) != 5 {
				t.Errorf("%d images of %d×%d, label %d, %d classes", s.Len(), h, w, s.Label(1), len(s.Classes()))
			}
			if got := read(t, s, 0); !slices.Equal(got, c.want) {
				t.Errorf("image 0 is %v, want %v", got, c.want)
			}
		})
	}
}

// TestIDXGreyPlanes: N×1×H×W is grey, unless W is 3: N×H×W×3 is in colour.
func TestIDXGreyPlanes(t *testing.T) {
	for _, c := range []struct{ width, wantHeight, wantWidth, channels int }{{4, 2, 4, 1}, {3, 1, 2, 3}} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "train-images-idx4-ubyte"), idxFile(count(4*c.width), 2, 1, 2, uint32(c.width)))
		writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile([]byte{0, 1}, 2))
		s, err := Open(Options{Name: "idx", Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if h, w := s.Size(); h != c.wantHeight || w != c.wantWidth || s.Channels() != c.channels {
			t.Errorf("2×1×2×%d is %d channels of %d×%d", c.width, s.Channels(), h, w)
		}
	}
}

func TestIDXTestSplit(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte"), idxFile([]byte{0, 10, 20, 30}, 1, 2, 2))
	writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile([]byte{6}, 1))
	writeFile(t, filepath.Join(dir, "t10k-images-idx3-ubyte"), idxFile(count(8), 2, 2, 2))
	writeFile(t, filepath.Join(dir, "t10k-labels-idx1-ubyte"), idxFile([]byte{0, 3}, 2))
	s, err := Open(Options{Name: "idx", Dir: dir, Split: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if mean, _ := s.Normal(); mean[0] != 15 || s.Len() != 2 || len(s.Classes()) != 7 {
		t.Errorf("mean %v, which must be the training images'; %d images, %d classes", mean, s.Len(), len(s.Classes()))
	}

	writeFile(t, filepath.Join(dir, "t10k-labels-idx1-ubyte"), idxFile([]byte{0, 7}, 2))
	_, err = Open(Options{Name: "idx", Dir: dir, Split: "test"})
	wantError(t, err, "test labels: record 1: label 7", "7 classes")
}

func TestIDXRefuses(t *testing.T) {
	good := idxFile(count(12), 3, 2, 2)
	labels := idxFile([]byte{0, 1, 2}, 3)
	for _, c := range []struct {
		name           string
		images, labels []byte // nil: no file; the rank in the name of the images' file is the real one if it is 4
		says           []string
	}{
		{"no images", nil, labels, []string{"no train-images-idx3-ubyte in"}},
		{"no labels", good, nil, []string{"no train-labels-idx1-ubyte in"}},
		{"truncated", good[:len(good)-3], labels, []string{"train-images-idx3-ubyte: truncated", "record 2 with 9 bytes", "3 records of 4 bytes make 12"}},
		{"too long", append(bytes.Clone(good), 0), labels, []string{"too long", "12 bytes"}},
		{"empty", []byte{}, labels, []string{"header: EOF"}},
		{"short header", good[:9], labels, []string{"header: dimension 1"}},
		{"foreign", []byte("\x89PNG\r\n\x1a\n"), labels, []string{"not an IDX file", "89 50 4e"}},
		{"of floats", append([]byte{0, 0, 13, 3}, good[4:]...), labels, []string{"not an IDX file of bytes"}},
		{"labels as images", labels, labels, []string{"rank 1"}},
		{"images as labels", good, good, []string{"train-labels-idx1-ubyte: an array of rank 3"}},
		{"counts differ", good, idxFile([]byte{0, 1}, 2), []string{"2 labels", "3 images"}},
		{"no image", idxFile(nil, 0, 2, 2), labels, []string{"impossible dimensions [0]"}},
		{"huge", idxFile(nil, 1<<31, 1<<31, 1<<31), labels, []string{"dimensions [2147483648 2147483648] make more than 4096 MiB"}},
		{"huge for its size", idxFile(nil, 1<<20, 64, 64), labels, []string{"truncated"}},
		{"damaged gzip", compress(t, good)[:20], labels, []string{"train-images-idx3-ubyte"}},
		{"wide", idxFile(count(5000), 1, 1, 5000), idxFile([]byte{0}, 1), []string{"1×5000"}},
		{"two channels", idxFile(count(16), 1, 2, 2, 4), idxFile([]byte{0}, 1), []string{"no dimension of one or three channels"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			images := "train-images-idx3-ubyte"
			if len(c.images) > 3 && c.images[3] == 4 {
				images = "train-images-idx4-ubyte"
			}
			if c.images != nil {
				writeFile(t, filepath.Join(dir, images), c.images)
			}
			if c.labels != nil {
				writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), c.labels)
			}
			_, err := Open(Options{Name: "idx", Dir: dir})
			wantError(t, err, append(c.says, "data: idx: ")...)
		})
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idxFile(count(12), 3, 2, 2))
	f.Add(idxFile(count(36), 2, 3, 2, 3))
	f.Add(idxFile([]byte{0, 1}, 2))
	f.Add(idxFile(nil, 1<<31, 1<<31, 1<<31))
	f.Add(compress(f, idxFile(count(12), 3, 2, 2)))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, file []byte) {
		var x idxArray
		if x.header(bytes.NewReader(file), int64(len(file)), 1<<20, []int{1, 3, 4}) != nil {
			return
		}
		content, err := x.content()
		if err != nil {
			return
		}
		size := 1
		for _, d := range x.dims {
			size *= d
		}
		if size != len(content) || size == 0 || size > 1<<20 {
			t.Fatalf("dimensions %v, %d bytes", x.dims, len(content))
		}
		m := &memory{name: "fuzz", pixels: content, labels: make([]byte, x.dims[0])}
		if len(x.dims) == 1 || m.shape(x.dims) != nil {
			return
		}
		if len(x.dims) == 4 && x.dims[1] != 3 {
			m.makePlanes()
		}
		read(t, m, x.dims[0]-1)
	})
}
