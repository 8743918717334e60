package supernet

import "fmt"

// These are upper bounds of the sizes in a Config. They are far larger than any published space, and small enough that no
// product overflows.
const (
	maxSide     = 4096
	maxChannels = 4096
	maxCells    = 256
	maxClasses  = 1 << 16
)

// WithDefaults replaces the zero fields of c by the sizes of the space's published benchmark. It does not change the
// seed.
func (c Config) WithDefaults() (Config, error) {
	s, err := Lookup(c.Space)
	if err != nil {
		return Config{}, err
	}
	d := s.Defaults()
	if c.BN == "" {
		c.BN = d.BN
	}
	if c.Gamma == "" {
		c.Gamma = d.Gamma
	}
	for _, f := range []struct{ field, def *int }{
		{&c.Classes, &d.Classes}, {&c.Height, &d.Height}, {&c.Width, &d.Width},
		{&c.Channels, &d.Channels}, {&c.Cells, &d.Cells},
	} {
		if *f.field == 0 {
			*f.field = *f.def
		}
	}
	return c, nil
}

// Validate returns an error if a field is invalid. It does not check the fields that depend on the space; New does.
func (c Config) Validate() error {
	s, err := Lookup(c.Space)
	if err != nil {
		return err
	}
	if c.BN != Standard && c.BN != Fair {
		return fmt.Errorf("supernet: bn: unknown placement %q, want %q or %q", c.BN, Standard, Fair)
	}
	if c.Gamma != GammaOne && c.Gamma != GammaUniform && c.Gamma != GammaSmall {
		return fmt.Errorf("supernet: gamma_init: unknown value %q, want %q, %q or %q", c.Gamma, GammaOne, GammaUniform, GammaSmall)
	}
	for _, f := range []struct {
		name               string
		value, least, most int
	}{
		{"classes", c.Classes, 2, maxClasses},
		{"height", c.Height, 1, maxSide},
		{"width", c.Width, 1, maxSide},
		{"channels", c.Channels, 1, maxChannels},
	} {
		if f.value < f.least || f.value > f.most {
			return fmt.Errorf("supernet: %s: %d is not in %d…%d", f.name, f.value, f.least, f.most)
		}
	}
	if fixed := s.Defaults().Cells == 0; fixed && c.Cells != 0 {
		return fmt.Errorf("supernet: cells: %s has a fixed depth, so cells must be 0, not %d", s.Name(), c.Cells)
	} else if !fixed && (c.Cells < 1 || c.Cells > maxCells) {
		return fmt.Errorf("supernet: cells: %d is not in 1…%d", c.Cells, maxCells)
	}
	return nil
}
