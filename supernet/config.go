package supernet

import (
	"slices"
	"strings"

	"bnas.example/internal/setting"
)

// WithDefaults replaces the zero fields of c by the sizes of the space's published benchmark. It does not change the
// seed.
func (c Config) WithDefaults() (Config, error) {
	s, err := c.Lookup()
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
	if c.Stem == "" {
		c.Stem = d.Stem
	}
	for _, f := range []struct{ field, def *int }{
		{&c.Classes, &d.Classes}, {&c.Height, &d.Height}, {&c.Width, &d.Width},
		{&c.Channels, &d.Channels}, {&c.Cells, &d.Cells},
	} {
		if *f.field == 0 {
			*f.field = *f.def
		}
	}
	if c.ImageChannels == Colour {
		c.ImageChannels = 0 // networks for images in colour have one configuration
	}
	return c, nil
}

// Validate returns an error that lists every invalid setting (setting.Errors). It expects a Config whose defaults are filled
// in. It does not check the fields that depend on the space; New does.
func (c Config) Validate() error {
	s, err := c.Lookup()
	if err != nil {
		return err
	}
	errs := setting.Ranges("supernet", c)
	errs.Check(c.BN == Standard || c.BN == Fair, "supernet.bn", "%q: there are %s and %s", c.BN, Standard, Fair)
	errs.Check(c.Gamma == GammaOne || c.Gamma == GammaUniform || c.Gamma == GammaSmall,
		"supernet.gamma_init", "%q: there are %s, %s and %s", c.Gamma, GammaOne, GammaUniform, GammaSmall)
	errs.Check(c.ImageChannels == 0 || c.ImageChannels == 1 || c.ImageChannels == Colour, "supernet.image_channels", "%d: must be 1 (grey) or 3 (colour)", c.ImageChannels)
	if s.Defaults().Cells == 0 {
		errs.Check(c.Cells == 0, "supernet.cells", "%d: %s has a fixed depth; leave supernet.cells out", c.Cells, s.Name())
	} else {
		errs.Check(c.Cells != 0, "supernet.cells", "0: there must be at least 1")
	}
	if stemmed, ok := s.(Stemmed); ok {
		stems := stemmed.Stems()
		errs.Check(slices.Contains(stems, c.Stem), "supernet.stem", "%q: there are %s", c.Stem, strings.Join(stems, " and "))
	} else {
		errs.Check(c.Stem == "", "supernet.stem", "%q: %s has one stem only", c.Stem, s.Name())
	}
	if halving, ok := s.(Halving); ok {
		errs = append(errs, checkHalving(c, halving)...)
	}
	if dividing, ok := s.(Dividing); ok {
		least := dividing.LeastChannels(c)
		errs.Check(c.Channels < 1 || c.Channels >= least, "supernet.channels", "%d: %s divides the channels and needs at least %d", c.Channels, s.Name(), least)
	}
	return errs.Or()
}

// checkHalving lists the sides of the images that s cannot halve, each with the nearest that it can.
func checkHalving(c Config, s Halving) (errs setting.Errors) {
	times := s.Halvings(c)
	multiple := 1 << times
	check := func(name string, pixels int) {
		nearest := max(multiple, (pixels+multiple/2)/multiple*multiple)
		errs.Check(pixels < 1 || pixels%multiple == 0, name, "%d: %s halves images %d times and takes multiples of %d (nearest: %d)",
			pixels, s.Name(), times, multiple, nearest)
	}
	check("supernet.height", c.Height)
	check("supernet.width", c.Width)
	return errs
}
