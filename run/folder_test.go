package run

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// tinyFolder makes a data set of small images: a folder for each class.
func tinyFolder(t *testing.T, classes, each int) string {
	t.Helper()
	dir := t.TempDir()
	for c := range classes {
		class := filepath.Join(dir, fmt.Sprintf("class%d", c))
		if err := os.Mkdir(class, 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range each {
			m := image.NewGray(image.Rect(0, 0, 8, 8))
			for p := range m.Pix {
				m.Pix[p] = color.Gray{Y: uint8(31*p*(c+1) + 7*i)}.Y
			}
			f, err := os.Create(filepath.Join(class, fmt.Sprintf("%d.png", i)))
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, m); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}
