package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// encoded returns an encoded image with one colour in its left half and another in its right half.
func encoded(t *testing.T, format string, height, width int, left, right color.Color) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, left)
			if 2*x >= width {
				img.Set(x, y, right)
			}
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	if format == "jpeg" {
		b.Reset()
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 95})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodePNG(t *testing.T, b *bytes.Buffer, img image.Image) {
	t.Helper()
	if err := png.Encode(b, img); err != nil {
		t.Fatal(err)
	}
}

var (
	red   = color.NRGBA{200, 0, 0, 255}
	green = color.NRGBA{0, 200, 0, 255}
	blue  = color.NRGBA{0, 0, 200, 255}
)

// wantPixel checks a pixel. Its tolerance is the error of JPEG.
func wantPixel(t *testing.T, s Set, image []byte, y, x int, want color.NRGBA) {
	t.Helper()
	h, w := s.Size()
	for c, v := range []uint8{want.R, want.G, want.B} {
		if got := image[(c*h+y)*w+x]; int(got) < int(v)-6 || int(got) > int(v)+6 {
			t.Errorf("channel %d of pixel %d, %d is %d, want %d", c, y, x, got, v)
		}
	}
}

func TestFolderSplit(t *testing.T) {
	dir := t.TempDir()
	for _, format := range []string{"jpeg", "png"} {
		writeFile(t, filepath.Join(dir, "train", "cat", format+"."+format), encoded(t, format, 12, 20, red, blue))
	}
	writeFile(t, filepath.Join(dir, "train", "dog", "deep", "A.JPG"), encoded(t, "jpeg", 8, 8, green, green))
	writeFile(t, filepath.Join(dir, "train", "dog", "notes.txt"), []byte("no image"))
	writeFile(t, filepath.Join(dir, "train", ".hidden", "x.png"), []byte("no image"))
	for _, class := range []string{"cat", "dog"} {
		writeFile(t, filepath.Join(dir, "val", class, "x.png"), encoded(t, "png", 30, 10, blue, blue))
	}
	s, err := Open(Options{Name: "folder", Dir: dir, Height: 4, Width: 4})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Len(), s.Classes(), s.Label(0), s.Label(1), s.Label(2)); got != "3 [cat dog] 0 0 1" {
		t.Fatalf("the set is %s", got)
	}
	for i := range 2 {
		b := read(t, s, i)
		wantPixel(t, s, b, 1, 0, red)
		wantPixel(t, s, b, 2, 3, blue)
	}
	wantPixel(t, s, read(t, s, 2), 0, 0, green)

	v, err := Open(Options{Name: "folder", Dir: dir, Split: "test", Height: 4, Width: 4})
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != 2 || v.Label(1) != 1 || v.Hash() == s.Hash() {
		t.Errorf("test: %d images, label %d", v.Len(), v.Label(1))
	}
	if m, _ := s.Normal(); m[1] < 60 || m[1] > 73 {
		t.Errorf("the green mean is %v, want about 200/3", m[1])
	}
	trainMean, trainStd := s.Normal()
	if mean, std := v.Normal(); !slices.Equal(mean, trainMean) || !slices.Equal(std, trainStd) {
		t.Error("the test split is not normalised as the training images are")
	}

	if err := os.Rename(filepath.Join(dir, "val", "dog"), filepath.Join(dir, "val", "wolf")); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Options{Name: "folder", Dir: dir, Split: "test", Height: 4, Width: 4})
	wantError(t, err, filepath.Join(dir, "val", "wolf"), "not a class")
}

func TestFolderEveryFifth(t *testing.T) {
	dir := t.TempDir()
	for i := range 11 {
		writeFile(t, filepath.Join(dir, "one", fmt.Sprintf("%02d.png", i)), encoded(t, "png", 2, 2, color.Gray{uint8(i)}, color.Gray{uint8(i)}))
	}
	writeFile(t, filepath.Join(dir, "two", "x.png"), encoded(t, "png", 2, 2, red, red))
	var got []string
	for _, split := range []string{"train", "test"} {
		s, err := Open(Options{Name: "folder", Dir: dir, Split: split, Height: 2})
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Len() {
			got = append(got, fmt.Sprint(s.Label(i), ":", read(t, s, i)[0]))
		}
	}
	want := "0:0 0:1 0:2 0:3 0:5 0:6 0:7 0:8 0:10 1:200 0:4 0:9"
	if strings.Join(got, " ") != want {
		t.Errorf("label:value of the training and then the test images is\n%s, want\n%s", strings.Join(got, " "), want)
	}
}

func TestFolderCentre(t *testing.T) {
	// A wide image whose outer thirds are red.
	img := image.NewNRGBA(image.Rect(0, 0, 30, 10))
	for y := range 10 {
		for x := range 30 {
			img.Set(x, y, red)
			if x >= 10 && x < 20 {
				img.Set(x, y, color.NRGBA{0, 200, 0, uint8(255 * (y / 5))}) // the upper half is transparent
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a", "x.png"), b.Bytes())
	s, err := Open(Options{Name: "folder", Dir: dir, Height: 10, Width: 10})
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, s, 0)
	for x := range 10 {
		wantPixel(t, s, got, 9, x, green)
		wantPixel(t, s, got, 0, x, color.NRGBA{})
	}
}

func TestFolderRefuses(t *testing.T) {
	good := encoded(t, "png", 4, 4, red, blue)
	huge := bytes.Clone(good)
	copy(huge[16:], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	for _, c := range []struct {
		name  string
		file  string // "" for none
		image []byte
		split string
		size  int
		says  []string
	}{
		{"no size", "a/x.png", good, "train", 0, []string{"no common size"}},
		{"no class", "x.png", good, "train", 4, []string{"holds no folders"}},
		{"empty class", "a/x.gif", good, "train", 4, []string{"a holds no .jpg, .jpeg, .png or .webp"}},
		{"no test images", "a/x.png", good, "test", 4, []string{"fewer than 5 images"}},
		{"no test folder", "train/a/x.png", good, "test", 4, []string{"neither test nor val"}},
		{"truncated", "a/x.png", good[:len(good)/2], "train", 4, []string{filepath.Join("a", "x.png"), "EOF", "cannot be read as a JPEG, PNG or WebP image", "take it away"}},
		{"empty", "a/x.png", nil, "train", 4, []string{filepath.Join("a", "x.png"), "cannot be read as"}},
		{"foreign", "a/x.jpg", []byte("GIF89a"), "train", 4, []string{filepath.Join("a", "x.jpg"), "unknown format"}},
		{"huge", "a/x.png", huge, "train", 4, []string{filepath.Join("a", "x.png")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, c.file), c.image)
			_, err := Open(Options{Name: "folder", Dir: dir, Split: c.split, Height: c.size})
			wantError(t, err, append(c.says, "data: folder: ")...)
			if n := strings.Count(err.Error(), "data: "); n != 1 {
				t.Errorf("%d prefixes: %v", n, err)
			}
		})
	}
}

func TestFolderConcurrent(t *testing.T) {
	dir := t.TempDir()
	colors := []color.Color{red, green, blue}
	for i, c := range colors {
		writeFile(t, filepath.Join(dir, fmt.Sprint(i), "x.jpg"), encoded(t, "jpeg", 20, 20, c, c))
	}
	opened, err := Open(Options{Name: "folder", Dir: dir, Height: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Set{opened, resize(opened, 4, 4), pad(opened, 10, 10)} {
		var want [3][]byte
		for i := range want {
			want[i] = read(t, s, i)
		}
		var wait sync.WaitGroup
		for k := range 60 {
			wait.Go(func() {
				got := make([]byte, len(want[0]))
				if err := s.Read(got, k%3); err != nil || !bytes.Equal(got, want[k%3]) {
					t.Errorf("image %d read beside others differs, or error %v", k%3, err)
				}
			})
		}
		wait.Wait()
	}
}
