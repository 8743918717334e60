package run

import "testing"

// TestPresets: each preset is a valid configuration, and differs from the default.
func TestPresets(t *testing.T) {
	for _, name := range Presets() {
		f, err := Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		c := Default()
		if err := f.Apply(&c); err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := Preset("bn-nas")
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	if err := f.Apply(&c); err != nil {
		t.Fatal(err)
	}
	first, last := c.Train.Rate(0, 1000), c.Train.Rate(999, 1000)
	if c.Supernet.Space != "bn-nas" || c.Train.Train != "last-bn" || c.Train.ClipNorm != 0 || c.Train.ClipValue != 5 ||
		c.Search.MaxMACs != 475e6 || c.Objective.Composite != "gamma_sum" || first != .25 || last > .00075 || last < .0005 {
		t.Errorf("bn-nas is %+v, its learning rate goes from %v to %v", c, first, last)
	}
	if f, err = Preset("te-nas"); err != nil {
		t.Fatal(err)
	}
	c = Default()
	if err := f.Apply(&c); err != nil {
		t.Fatal(err)
	}
	if c.Search.Strategy != "pruning" || c.Search.Prune != 1 || c.Score.NTKImages != 72 || c.Score.Repeats != 3 || c.Supernet.Channels != 3 || c.Supernet.Cells != 1 {
		t.Errorf("te-nas is %+v", c)
	}
	if _, err := Preset("none"); err == nil {
		t.Error("a preset that is not there")
	}
}
