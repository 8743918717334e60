package study

import "testing"

// TestLongerPlacement: a study with longer training takes all cells of a shorter one.
func TestLongerPlacement(t *testing.T) {
	cells := func(epochs int) map[string]string {
		of := placement.Base(true)
		of.Run.Train.Epochs = epochs
		all, err := placement.Cells(of)
		if err != nil {
			t.Fatal(err)
		}
		settings := map[string]string{}
		for _, c := range all {
			text, err := c.settings(placement.Name, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			settings[c.Name] = string(text)
		}
		return settings
	}
	longer := cells(8)
	for name, text := range cells(2) {
		if longer[name] != text {
			t.Errorf("%s has other settings:\n%s\nwant\n%s", name, longer[name], text)
		}
	}
}
