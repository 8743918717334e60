package data

import (
	"context"
	"image"
	"image/color"
	"io"
	"path/filepath"
	"testing"
)

// init registers a format whose decoder breaks on every file.
func init() {
	image.RegisterFormat("broken", "BROKEN", func(io.Reader) (image.Image, error) { panic("index out of range") },
		func(io.Reader) (image.Config, error) {
			return image.Config{ColorModel: color.GrayModel, Width: 4, Height: 4}, nil
		})
}

func TestPanicOfADecoderNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"x.png", "y.png"} {
		writeFile(t, filepath.Join(dir, "a", name), encoded(t, "png", 4, 4, red, red))
	}
	s, err := Open(Options{Name: "folder", Dir: dir, Height: 4})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "a", "y.png"), []byte("BROKEN"))
	says := []string{"data: folder: " + filepath.Join(dir, "a", "y.png") + ": ", "index out of range"}
	_, err = Gather(s, []int{0, 1})
	wantError(t, err, says...)
	l, err := NewLoader(s, nil, 2, Augment{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	stream := l.Stream(context.Background(), 0)
	_, err = stream.Next()
	stream.Close() // waits for its decoders
	wantError(t, err, says...)
	if !decoding.TryAcquire(mostDecoding) {
		t.Fatal("the memory of the decoder was not given back")
	}
	decoding.Release(mostDecoding)
}

// breaking is a set of another package that panics.
type breaking struct{ *memory }

func (breaking) Read([]byte, int) error { panic("no such row") }

func TestPanicOfASetNamesTheImage(t *testing.T) {
	s := breaking{synthetic(4, 2, 2)}
	_, err := Gather(s, []int{3})
	wantError(t, err, "synthetic: image 3", "no such row")
	l, err := NewLoader(s, []int{2}, 1, Augment{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	stream := l.Stream(context.Background(), 0)
	defer stream.Close()
	_, err = stream.Next()
	wantError(t, err, "synthetic: image 2", "no such row")
}
