package data

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// smallCIFAR is the format with three records a file.
func smallCIFAR(f cifarFormat) cifarFormat {
	f.records = map[string]int{train: 3, test: 3}
	return f
}

// cifarFile holds records whose class is first + i and whose pixels are 1 + i, 2 + i, 3 + i by channel.
func cifarFile(f cifarFormat, records, first int) []byte {
	var b []byte
	for i := range records {
		label := make([]byte, f.labelBytes)
		label[f.labelBytes-1] = byte(first + i)
		b = append(b, label...)
		for c := range 3 {
			b = append(b, bytes.Repeat([]byte{byte(1 + i + c)}, cifarPixels/3)...)
		}
	}
	return b
}

func TestCIFAR(t *testing.T) {
	for _, c := range []struct {
		name   string
		format cifarFormat
		folder string
	}{
		{"cifar10", smallCIFAR(cifar10), ""},
		{"cifar10", smallCIFAR(cifar10), "cifar-10-batches-bin"},
		{"cifar100", smallCIFAR(cifar100), "cifar-100-binary"},
	} {
		dir := t.TempDir()
		for split := range c.format.files {
			for k, name := range c.format.files[split] {
				writeFile(t, filepath.Join(dir, c.folder, name), cifarFile(c.format, 3, k))
			}
		}
		for split, files := range c.format.files {
			s, err := openCIFAR(Options{Name: c.name, Dir: dir, Split: split}, c.format)
			if err != nil {
				t.Fatal(err)
			}
			if s.Len() != 3*len(files) || s.Name() != c.name || len(s.Hash()) != 64 {
				t.Errorf("%s: %d images, hash %q", s.Name(), s.Len(), s.Hash())
			}
			for i := range s.Len() {
				if want := i/3 + i%3; s.Label(i) != want {
					t.Errorf("%s: label %d is %d, want %d", c.name, i, s.Label(i), want)
				}
				if image := read(t, s, i); image[0] != byte(1+i%3) || image[1024] != byte(2+i%3) || image[3071] != byte(3+i%3) {
					t.Errorf("%s: image %d has pixels %d, %d, %d", c.name, i, image[0], image[1024], image[3071])
				}
			}
		}
		s, err := openCIFAR(Options{Name: c.name, Dir: dir, Split: test, Height: 16, Width: 24}, c.format)
		if err != nil {
			t.Fatal(err)
		}
		image := read(t, s, 1)
		for ch := range 3 {
			if plane := image[ch*16*24 : (ch+1)*16*24]; !bytes.Equal(plane, bytes.Repeat([]byte{byte(2 + ch)}, 16*24)) {
				t.Errorf("%s: a constant channel of %d became %d…", c.name, 2+ch, plane[0])
			}
		}
	}
}

func TestCIFARRefuses(t *testing.T) {
	whole := cifarFile(cifar10, 3, 0)
	bad := bytes.Clone(whole)
	bad[2*(1+cifarPixels)] = 10
	for _, c := range []struct {
		name string
		file []byte
		says []string
	}{
		{"truncated in a record", whole[:5000], []string{"test_batch.bin", "truncated", "record 1", "5000 bytes", "9219"}},
		{"truncated at a record", whole[:2*3073], []string{"truncated", "record 2", "6146 bytes"}},
		{"empty", nil, []string{"truncated", "record 0 with 0 bytes"}},
		{"too long", append(bytes.Clone(whole), 0), []string{"too long", "9220 bytes"}},
		{"label", bad, []string{"test_batch.bin", "record 2: label 10", "10 classes"}},
		{"gzip", []byte{0x1f, 0x8b, 8}, []string{"gzip"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "test_batch.bin"), c.file)
			_, err := openCIFAR(Options{Name: "cifar10", Dir: dir, Split: test}, smallCIFAR(cifar10))
			wantError(t, err, c.says...)
		})
	}
}

func TestCIFARMissing(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(Options{Name: "cifar10", Dir: dir})
	wantError(t, err, "data: cifar10: no data_batch_1.bin in "+dir, "binary version", "cs.toronto.edu")
	_, err = Open(Options{Name: "cifar100", Dir: dir, Split: "test"})
	wantError(t, err, "no test.bin")

	writeFile(t, filepath.Join(dir, "data_batch_1"), nil)
	_, err = Open(Options{Name: "cifar10", Dir: dir})
	wantError(t, err, "Python version")

	writeFile(t, filepath.Join(dir, "data_batch_1.bin"), cifarFile(cifar10, 3, 0))
	_, err = openCIFAR(Options{Name: "cifar10", Dir: dir, Split: train}, smallCIFAR(cifar10))
	wantError(t, err, "data_batch_2.bin is missing")
	_, err = Open(Options{Name: "cifar10", Dir: dir})
	wantError(t, err, "data_batch_1.bin", "10000 records")
}

func TestCIFARClasses(t *testing.T) {
	for n, f := range map[int]cifarFormat{10: cifar10, 100: cifar100} {
		seen := map[string]bool{}
		for _, c := range f.classes {
			seen[c] = true
		}
		if len(f.classes) != n || len(seen) != n {
			t.Errorf("%d names, %d different ones, want %d", len(f.classes), len(seen), n)
		}
	}
}

// TestCIFAR10 reads the real set, or one in its format.
func TestCIFAR10(t *testing.T) {
	dir := os.Getenv("BNAS_CIFAR10")
	if dir == "" {
		t.Skip("BNAS_CIFAR10 does not name a folder with CIFAR-10, binary version")
	}
	for split, n := range map[string]int{"train": 50000, "test": 10000} {
		s, err := Open(Options{Name: "cifar10", Dir: dir, Split: split})
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != n {
			t.Errorf("%s: %d images, want %d", split, s.Len(), n)
		}
		count := make([]int, 10)
		for i := range s.Len() {
			count[s.Label(i)]++
		}
		for class, k := range count {
			if k != n/10 {
				t.Errorf("%s: %d images of %s, want %d", split, k, s.Classes()[class], n/10)
			}
		}
		mean, std, err := measure(s, 10000)
		if err != nil {
			t.Fatal(err)
		}
		wantMean, wantStd := s.Normal()
		for c := range 3 {
			if !(math.Abs(mean[c]-wantMean[c]) <= 2) || !(math.Abs(std[c]-wantStd[c]) <= 2) {
				t.Errorf("%s: channel %d: mean %.1f, deviation %.1f; the constants are %v, %v", split, c, mean[c], std[c], wantMean[c], wantStd[c])
			}
		}
	}
}

func FuzzCIFAR(f *testing.F) {
	f.Add(cifarFile(cifar10, 2, 0), true)
	f.Add(cifarFile(cifar100, 2, 98), false)
	f.Add(cifarFile(cifar10, 2, 9), true)
	f.Add([]byte{}, true)
	f.Add([]byte{0x1f, 0x8b}, false)
	f.Fuzz(func(t *testing.T, file []byte, ten bool) {
		format := cifar100
		if ten {
			format = cifar10
		}
		var m memory
		if err := format.parse(&m, bytes.NewReader(file), 2); err != nil {
			return
		}
		if len(m.labels) != 2 || len(m.pixels) != 2*cifarPixels || int(max(m.labels[0], m.labels[1])) >= len(format.classes) {
			t.Errorf("labels %v, %d pixels", m.labels, len(m.pixels))
		}
	})
}
