package data

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestFashionFiles(t *testing.T) {
	for name, want := range map[string]string{
		"train-images-idx3-ubyte.gz": "22d605649c116608c1910500b27ba37137ceb57d0ea9c2ea9ba9acf6754a569d",
		"train-labels-idx1-ubyte.gz": "760c34667f3e4a289906602df461faa806b6e030a2b0d1464d51647df17f5e57",
		"t10k-images-idx3-ubyte.gz":  "461b662e8f40b983476077506b2598bf776afb2fc30bcba26b3e74380154ac98",
		"t10k-labels-idx1-ubyte.gz":  "ff07baf27b2de477de2d8caedbcdc6a594877267cb664f65e1ef50e153407565",
	} {
		b, err := fashionFiles.ReadFile("fashion/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: SHA-256 %x, want %s", name, sum, want)
		}
	}
	if !strings.Contains(FashionLicense, "Copyright (c) 2017 Zalando SE") {
		t.Error("the notice of Fashion-MNIST is missing")
	}
}

func TestFashion(t *testing.T) {
	hashes := map[string]bool{}
	for split, perClass := range map[string]int{"train": 800, "test": 200} {
		s, err := Open(Options{Name: "fashion", Split: split})
		if err != nil {
			t.Fatal(err)
		}
		if h, w := s.Size(); h != 32 || w != 32 || s.Len() != 10*perClass || len(s.Classes()) != 10 {
			t.Fatalf("%s: %d images of %d×%d, %d classes", split, s.Len(), h, w, len(s.Classes()))
		}
		var count [10]int
		for i := range s.Len() {
			count[s.Label(i)]++
		}
		for class, n := range count {
			if n != perClass {
				t.Errorf("%s: %d images of %s, want %d", split, n, s.Classes()[class], perClass)
			}
		}
		// The whole training set of Fashion-MNIST has mean .2860 and deviation .3530 of its 28×28 pixels. With the
		// border, which is 1 − (28/32)² of the pixels, the mean is .2190 and the deviation .3301.
		mean, std := s.Normal()
		for c := range 3 {
			if !(math.Abs(mean[c]/255-.2190) <= .003) || !(math.Abs(std[c]/255-.3301) <= .004) {
				t.Errorf("%s: channel %d: mean %.4f, deviation %.4f", split, c, mean[c]/255, std[c]/255)
			}
		}
		hashes[s.Hash()] = true
		image := read(t, s, 0)
		for y := range 32 {
			for x := range 32 {
				at := y*32 + x
				if border := y < 2 || y >= 30 || x < 2 || x >= 30; border && image[at] != 0 {
					t.Fatalf("%s: pixel %d, %d of the border is %d", split, y, x, image[at])
				}
				if image[at] != image[1024+at] || image[at] != image[2048+at] {
					t.Fatalf("%s: pixel %d, %d is not gray", split, y, x)
				}
			}
		}
	}
	if len(hashes) != 2 {
		t.Error("both splits have one hash")
	}
}

func TestFashionResized(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs: the race detector makes it take ten seconds")
	}
	s, err := Open(Options{Name: "fashion", Split: "test", Width: 12})
	if err != nil {
		t.Fatal(err)
	}
	if h, w := s.Size(); h != 12 || w != 12 {
		t.Errorf("size %d×%d, want 12×12", h, w)
	}
	// Without a border the mean is that of the 28×28 pixels, .2860 of 255 over the whole of Fashion-MNIST.
	if mean, _ := s.Normal(); !(math.Abs(mean[0]/255-.2860) <= .005) {
		t.Errorf("mean %.4f of 255", mean[0]/255)
	}
}

// What is kept of the embedded set gives each shape of the images its own mean and deviation, and each set its own settings.
func TestFashionIsReadOnce(t *testing.T) {
	files, err := fs.Sub(fashionFiles, "fashion")
	if err != nil {
		t.Fatal(err)
	}
	shapes := []Options{{}, {Channels: 1}, {Height: 8, Width: 8}, {Height: 8, Width: 10}, {Split: "test"}, {}}
	var sets []Set
	for _, o := range shapes {
		o.Name = "fashion"
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, s)
	}
	for i, o := range shapes {
		got := sets[i]
		h, w := got.Size()
		fresh, err := openIDX(idxFiles(files, ""), Options{Split: cmp.Or(o.Split, train), Height: h, Width: w, Channels: cmp.Or(o.Channels, colour)}, fashionClasses)
		if err != nil {
			t.Fatal(err)
		}
		mean, std := got.Normal()
		wantMean, wantStd := fresh.Normal()
		if !slices.Equal(mean, wantMean) || !slices.Equal(std, wantStd) || got.Hash() != fresh.Hash() || got.Len() != fresh.Len() ||
			got.Channels() != fresh.Channels() || !bytes.Equal(read(t, got, 3), read(t, fresh, 3)) {
			t.Errorf("%+v: mean %v and deviation %v of %d images, read anew %v and %v of %d", o, mean, std, got.Len(), wantMean, wantStd, fresh.Len())
		}
	}
}
