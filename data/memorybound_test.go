package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// sparse makes a file of the given size that has only the first bytes on the disk.
func sparse(t *testing.T, path string, size int64, first []byte) {
	t.Helper()
	writeFile(t, path, first)
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// zeros compresses the given bytes and then n zeros.
func zeros(t *testing.T, first []byte, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(first)
	block := make([]byte, 1<<20)
	for ; n > 0; n -= int64(len(block)) {
		z.Write(block[:min(n, int64(len(block)))])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestClaimsOfFilesTakeNoMemory opens files whose headers or sizes claim far more than is there or is needed.
func TestClaimsOfFilesTakeNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs: it has one goroutine, and the race detector slows it down")
	}
	labels := idxFile([]byte{0, 1}, 2)
	for _, c := range []struct {
		name, set string
		files     func(dir string)
		says      string
	}{
		{"IDX header of 64 GiB", "idx", func(dir string) {
			writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), compress(t, idxFile(nil, 1<<12, 1<<12, 1<<12)))
			writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), labels)
		}, "more than 4096 MiB"},
		{"IDX header that the compressed file cannot hold", "idx", func(dir string) {
			writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), compress(t, idxFile(nil, 2, 4096, 4096)))
			writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), labels)
		}, "cannot hold the 33554432 bytes"},
		{"compressed zeros for two labels", "idx", func(dir string) {
			writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), zeros(t, idxFile(nil, 1<<16, 32, 32), 1<<26))
			writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), labels)
		}, "2 labels"},
		{"sparse IDX", "idx", func(dir string) {
			sparse(t, filepath.Join(dir, "train-images-idx3-ubyte"), 1<<40, idxFile(nil, 1<<20, 1<<10, 1<<10))
			writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), labels)
		}, "more than 4096 MiB"},
		{"sparse CIFAR", "cifar10", func(dir string) {
			for _, name := range cifar10.files[train] {
				sparse(t, filepath.Join(dir, name), 1<<40, nil)
			}
		}, "too long, or another format"},
		{"sparse gzip as CIFAR", "cifar10", func(dir string) {
			sparse(t, filepath.Join(dir, "data_batch_1.bin"), 1<<40, []byte{0x1f, 0x8b})
		}, "gzip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.files(dir)
			var err error
			took := allocated(func() { _, err = Open(Options{Name: c.set, Dir: dir}) })
			wantError(t, err, c.says)
			if took > 1<<20 {
				t.Errorf("%d KiB were allocated before the refusal", took>>10)
			}
		})
	}
}

// TestCompressedIDXTakesTwiceItsContent reads a whole set.
func TestCompressedIDXTakesTwiceItsContent(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs: it has one goroutine, and the race detector slows it down")
	}
	const side, n = 1 << 10, 24
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), zeros(t, idxFile(nil, n, side, side), n*side*side))
	writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile(make([]byte, n), n))
	var m *memory
	var err error
	took := allocated(func() { m, err = readIDX(os.DirFS(dir), dir, train) })
	if err != nil || m.Len() != n {
		t.Fatal(err)
	}
	if most := int64(5 * n * side * side / 2); took > most { // all buffers together, of which two are alive at a time
		t.Errorf("%d MiB were allocated for %d MiB", took>>20, n*side*side>>20)
	}
}

func TestGzipWithoutItsTrailer(t *testing.T) {
	whole := compress(t, idxFile(count(12), 3, 2, 2))
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-5] ^= 1
	for _, c := range []struct {
		name string
		file []byte
		says string
	}{
		{"no trailer", whole[:len(whole)-8], "the checksum at the end of the gzip file is missing"},
		{"half a trailer", whole[:len(whole)-4], "the checksum at the end of the gzip file is missing"},
		{"wrong checksum", damaged, "checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), c.file)
			writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile([]byte{0, 1, 2}, 3))
			_, err := Open(Options{Name: "idx", Dir: dir})
			wantError(t, err, "train-images-idx3-ubyte.gz", c.says)
		})
	}
}

// claimed returns a PNG file of a few bytes whose header claims another size, with 16 bits a channel.
func claimed(t *testing.T, height, width uint32) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA64(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	binary.BigEndian.PutUint32(file[16:], width)
	binary.BigEndian.PutUint32(file[20:], height)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	return file
}

// plainWebP returns a lossless WebP file of one colour: about 40 bytes for any size.
func plainWebP(height, width int, c color.NRGBA) []byte {
	var bits []byte
	at := 0
	put := func(v, n int) {
		for i := range n {
			if at%8 == 0 {
				bits = append(bits, 0)
			}
			bits[at/8] |= byte(v>>i&1) << (at % 8)
			at++
		}
	}
	put(0x2f, 8)
	put(width-1, 14)
	put(height-1, 14)
	put(1, 1) // alpha
	put(0, 3) // version
	put(0, 3) // no transform, no cache of colours, one group of codes
	for _, symbol := range []uint8{c.G, c.R, c.B, c.A} {
		put(1|0<<1|1<<2, 3) // a code of one symbol of 8 bits
		put(int(symbol), 8)
	}
	put(1, 4) // distances: a code of the symbol 0
	for len(bits)%2 != 0 {
		bits = append(bits, 0)
	}
	chunk := binary.LittleEndian.AppendUint32([]byte("VP8L"), uint32(len(bits)))
	body := append(append([]byte("WEBP"), chunk...), bits...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestDecodingIsWithinTheBudget(t *testing.T) {
	dir := t.TempDir()
	for name, file := range map[string][]byte{
		"a.png":  claimed(t, 10000, 10000),
		"b.webp": plainWebP(10000, 10000, red),
	} {
		path := filepath.Join(dir, name)
		writeFile(t, path, file)
		took := allocated(func() {
			_, err := decodeFile(make([]byte, 48), path, 4, 4)
			wantError(t, err, "MiB", "at most 1024")
		})
		if took > 1<<20 {
			t.Errorf("%s: %d KiB were allocated before the refusal", name, took>>10)
		}
	}
}

// TestDecodersShareTheBudget decodes images that each claim more than a third of the budget: two at a time have a place.
func TestDecodersShareTheBudget(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			err := withMemory(mostDecoding/3+1, func() error {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				now--
				mu.Unlock()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if most > 2 {
		t.Errorf("%d decoders at a time", most)
	}
	if !decoding.TryAcquire(mostDecoding) {
		t.Fatal("memory was not given back")
	}
	decoding.Release(mostDecoding)
}

// TestPixelBytes compares the figure of each format with what its decoder allocates.
func TestPixelBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs: it has one goroutine, and the race detector slows it down")
	}
	const side = 1024
	dir := t.TempDir()
	wide := image.NewNRGBA64(image.Rect(0, 0, side, side))
	wide.Set(0, 0, color.NRGBA64{1, 2, 3, 4})
	var deep bytes.Buffer
	if err := png.Encode(&deep, wide); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"a.jpg":  encoded(t, "jpeg", side, side, red, blue),
		"b.png":  encoded(t, "png", side, side, red, blue),
		"c.png":  deep.Bytes(),
		"d.webp": plainWebP(side, side, red),
	} {
		path := filepath.Join(dir, name)
		writeFile(t, path, file)
		var p picture
		took := allocated(func() {
			var err error
			if p, err = decodeFile(make([]byte, 48), path, 4, 4); err != nil {
				t.Fatal(err)
			}
		})
		const rest = 32*4*side + 1<<20 // the scaler, and small buffers
		if took > p.bytes+rest {
			t.Errorf("%s: %d KiB were allocated, and %d counted", name, took>>10, p.bytes>>10)
		}
	}
}
