package run

import (
	"testing"

	"bnas.example/data"
)

// TestFewImagesOfAFolder: the images of a folder are in the order of its classes. A few of them are of all classes.
func TestFewImagesOfAFolder(t *testing.T) {
	c := tiny()
	c.Data.Name, c.Data.Dir, c.Data.Holdout = "folder", tinyFolder(t, 3, 60), 24
	r := create(t, c)
	for name, images := range map[string]func(n int) ([]data.Batch, error){"test": r.TestImages, "held out": r.HeldOutImages} {
		batches, err := images(9)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		counts, n := make([]int, 3), 0
		for _, b := range batches {
			for _, label := range b.Labels {
				counts[label]++
				n++
			}
		}
		if n != 9 || counts[0] != 3 || counts[1] != 3 || counts[2] != 3 {
			t.Errorf("%s: of %d images the classes have %v, want 3 each", name, n, counts)
		}
	}
}
