package run

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
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

// TestFoldersThatCannotBeMade leave what was there, and nothing else.
func TestFoldersThatCannotBeMade(t *testing.T) {
	root := t.TempDir()
	link, file := filepath.Join(root, "link"), filepath.Join(root, "file")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	long := root
	for len(long) < 5000 {
		long = filepath.Join(long, strings.Repeat("a", 100))
	}
	for dir, want := range map[string]string{
		link:                       "is a link that leads nowhere",
		filepath.Join(link, "run"): "is a link that leads nowhere",
		filepath.Join(file, "run"): "not a directory",
		long:                       "file name too long",
		root + "/x/\x00":           "invalid argument",
		filepath.Join(root, "x", strings.Repeat("b", 300)): "file name too long",
	} {
		made, err := makeFolders(dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200q: %v, want %s", dir, err, want)
		}
		removeEmpty(made)
		left, err := os.ReadDir(root)
		if err != nil || len(left) != 2 {
			t.Errorf("%.200q: %v is left, %v", dir, left, err)
		}
	}
}
