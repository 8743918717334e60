package data

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/philox"
)

// greyIDX writes an IDX set of n grey images of 6×5 of noise.
func greyIDX(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i, split := range []string{"train", "t10k"} {
		pixels, labels := make([]byte, n*30), make([]byte, n)
		r := philox.New(7, "grey", uint64(i))
		for k := range pixels {
			pixels[k] = byte(r.Uint32())
		}
		for k := range labels {
			labels[k] = byte(k % 3)
		}
		writeFile(t, filepath.Join(dir, split+"-images-idx3-ubyte"), idxFile(pixels, uint32(n), 6, 5))
		writeFile(t, filepath.Join(dir, split+"-labels-idx1-ubyte"), idxFile(labels, uint32(n)))
	}
	return dir
}

// greyFolder writes a folder of grey PNG files, 8×6, two for each of two classes.
func greyFolder(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	r := philox.New(8, "grey", 0)
	for _, name := range []string{"train/a/1", "train/a/2", "train/b/1", "train/b/2", "test/a/1", "test/b/1"} {
		img := image.NewGray(image.Rect(0, 0, 8, 6))
		for i := range img.Pix {
			img.Pix[i] = byte(r.Uint32())
		}
		var b bytes.Buffer
		encodePNG(t, &b, img)
		writeFile(t, filepath.Join(dir, name+".png"), b.Bytes())
	}
	return dir
}

// TestGreyIsOnePlaneOfThree: a set of grey images has one channel, unless it is opened with three: these are equal, and the
// bytes, the normalisation, the batches and the augmented batches of the one are those of each of the three.
func TestGreyIsOnePlaneOfThree(t *testing.T) {
	idx, folder := greyIDX(t, 12), greyFolder(t)
	for name, o := range map[string]Options{
		"idx":               {Name: "idx", Dir: idx},
		"idx test":          {Name: "idx", Dir: idx, Split: "test"},
		"idx padded":        {Name: "idx", Dir: idx, Height: 8, Width: 7},
		"idx shrunk":        {Name: "idx", Dir: idx, Height: 3, Width: 4},
		"fashion":           {Name: "fashion", Channels: 1},
		"folder":            {Name: "folder", Dir: folder, Height: 4, Width: 4},
		"folder test":       {Name: "folder", Dir: folder, Split: "test", Height: 5},
		"own normalisation": {Name: "idx", Dir: idx, Normal: Normal{Mean: []float64{100}, Std: []float64{50}}},
	} {
		t.Run(name, func(t *testing.T) {
			one, log := opened(t, o)
			if strings.Contains(log, "three equal channels") {
				t.Errorf("the log is\n%s", log)
			}
			o.Channels = 3
			if len(o.Normal.Mean) > 0 {
				o.Normal = Normal{Mean: []float64{100, 100, 100}, Std: []float64{50, 50, 50}}
			}
			three, log := opened(t, o)
			if o.Dir != "" && !strings.Contains(log, "three equal channels") {
				t.Errorf("the log is\n%s", log)
			}
			if one.Channels() != 1 || three.Channels() != 3 {
				t.Fatalf("%d and %d channels", one.Channels(), three.Channels())
			}
			plane := read(t, one, 1)
			if got := read(t, three, 1); !slices.Equal(got, slices.Concat(plane, plane, plane)) {
				t.Errorf("image 1 is\n%v, the three channels are\n%v", plane, got)
			}
			mean, std := one.Normal()
			means, stds := three.Normal()
			if len(mean) != 1 || len(std) != 1 || !slices.Equal(means, slices.Repeat(mean, 3)) || !slices.Equal(stds, slices.Repeat(std, 3)) {
				t.Errorf("mean %v, deviation %v, of three channels %v, %v", mean, std, means, stds)
			}
			sameBatches(t, one, three)
		})
	}
}

// sameBatches checks that each channel of the batches of three is that of one.
func sameBatches(t *testing.T, one, three Set) {
	t.Helper()
	const n = 2
	a := Augment{PadCrop: 1, Flip: true, Cutout: 3}
	var batches [2][]Batch
	for i, s := range []Set{one, three} {
		gathered, err := Gather(s, []int{1, 0})
		if err != nil {
			t.Fatal(err)
		}
		l, err := NewLoader(s, nil, n, a, 5)
		if err != nil {
			t.Fatal(err)
		}
		batches[i] = []Batch{gathered, at(t, l, 0), at(t, l, 3)}
	}
	for i, b := range batches[0] {
		c := batches[1][i]
		plane := b.Height * b.Width
		if b.Channels != 1 || c.Channels != 3 || len(b.Images) != n*plane || len(c.Images) != 3*len(b.Images) || !slices.Equal(b.Labels, c.Labels) {
			t.Fatalf("batch %d: %d channels in %d numbers, and %d in %d", i, b.Channels, len(b.Images), c.Channels, len(c.Images))
		}
		for k := range 3 * n {
			if !slices.Equal(c.Images[k*plane:(k+1)*plane], b.Images[k/3*plane:(k/3+1)*plane]) {
				t.Fatalf("batch %d: channel %d of image %d is another one", i, k%3, k/3)
			}
		}
	}
}

// TestColourHasThreeChannels: of a folder with one file in colour, and of other sets in colour, one channel is refused in a line
// that names the file, if there is one.
func TestColourHasThreeChannels(t *testing.T) {
	mixed := greyFolder(t)
	photo := filepath.Join(mixed, "train", "b", "photo.png")
	writeFile(t, photo, encoded(t, "png", 4, 4, red, red))
	if s, _ := opened(t, Options{Name: "folder", Dir: mixed, Height: 4}); s.Channels() != 3 {
		t.Errorf("%d channels of a folder with a photo", s.Channels())
	}
	late := greyFolder(t)
	test := filepath.Join(late, "test", "b", "photo.png")
	writeFile(t, test, encoded(t, "png", 4, 4, red, red))
	inColour, testInColour := t.TempDir(), greyIDX(t, 3)
	for dir, split := range map[string]string{inColour: "train", testInColour: "t10k"} {
		if err := os.RemoveAll(filepath.Join(dir, split+"-images-idx3-ubyte")); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, split+"-images-idx4-ubyte"), idxFile(count(3*18), 3, 3, 2, 3))
		writeFile(t, filepath.Join(dir, split+"-labels-idx1-ubyte"), idxFile([]byte{0, 1, 2}, 3))
	}
	for _, c := range []struct {
		options Options
		says    string
	}{
		{Options{Name: "folder", Dir: mixed, Height: 4, Channels: 1}, photo + " is in colour"},
		{Options{Name: "folder", Dir: late, Height: 4, Split: "test"}, "the training images are grey, but " + test + " is in colour"},
		{Options{Name: "idx", Dir: inColour, Channels: 1}, "data: idx: the set is in colour"},
		{Options{Name: "idx", Dir: testInColour, Split: "test"}, "the training images are grey, but those of the test split: the set is in colour"},
	} {
		_, err := Open(c.options)
		wantError(t, err, c.says)
		if !errors.Is(err, ErrColour) {
			t.Errorf("%v is not ErrColour", err)
		}
	}
	cifar := t.TempDir()
	format := smallCIFAR(cifar10)
	for _, name := range format.files[train] {
		writeFile(t, filepath.Join(cifar, name), cifarFile(format, 3, 0))
	}
	_, err := openCIFAR(Options{Name: "cifar10", Dir: cifar, Split: train, Channels: 1}, format)
	wantError(t, err, "the set is in colour")
}

// TestPaletteOfGreys: a PNG whose palette is grey is a grey image; one colour in the palette makes it one in colour.
func TestPaletteOfGreys(t *testing.T) {
	for name, c := range map[string]struct {
		last     color.Color
		channels int
	}{"grey": {color.Gray{Y: 200}, 1}, "colour": {red, 3}} {
		dir := greyFolder(t)
		img := image.NewPaletted(image.Rect(0, 0, 8, 6), color.Palette{color.Gray{Y: 10}, color.Gray{Y: 90}, c.last})
		for i := range img.Pix {
			img.Pix[i] = byte(i % 3)
		}
		var b bytes.Buffer
		encodePNG(t, &b, img)
		writeFile(t, filepath.Join(dir, "train", "b", "palette.png"), b.Bytes())
		if s, _ := opened(t, Options{Name: "folder", Dir: dir, Height: 6, Width: 8}); s.Channels() != c.channels {
			t.Errorf("%s: %d channels, want %d", name, s.Channels(), c.channels)
		}
	}
}
