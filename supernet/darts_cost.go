package supernet

// Cost counts the network of Lower.
func (s darts) Cost(a Arch, c Config) Cost {
	var k Cost
	cells := s.cells(a)
	channels := int64(c.Channels)
	pixels := int64(c.Height) * int64(c.Width)
	before, in := 3*channels, 3*channels // channels of the outputs of the two cells before
	if c.Stem == dartsImageNet {
		half := max(channels/2, 1)
		before, in = channels, channels
		k.conv(c.imageChannels(), half, 9, pixels/4)
		k.norm(half)
		k.conv(half, channels, 9, pixels/16)
		k.norm(channels)
		pixels /= 64
		k.conv(channels, channels, 9, pixels)
		k.norm(channels)
	} else {
		k.conv(c.imageChannels(), in, 9, pixels)
		k.norm(in)
	}
	for i := range 3*c.Cells + 2 {
		kind := 0
		if (i+1)%(c.Cells+1) == 0 {
			kind = 1
			channels *= 2
		}
		k.conv(before, channels, 1, pixels) // FactorizedReduce has as many
		k.norm(channels)
		k.conv(in, channels, 1, pixels)
		k.norm(channels)
		if kind == 1 {
			pixels /= 4
		}
		for _, inputs := range cells[kind] {
			for _, e := range inputs {
				s.edgeCost(&k, e, channels, pixels, kind == 1 && e.state < 2, c)
			}
		}
		before, in = in, 4*channels
	}
	k.linear(in, int64(c.Classes))
	return k
}

// edgeCost adds an operator that stores so many pixels. half says that it reads four times as many.
func (darts) edgeCost(k *Cost, e dartsInput, channels, pixels int64, half bool, c Config) {
	separable := func(area int64) {
		k.conv(1, channels, area, pixels)
		k.conv(channels, channels, 1, pixels)
		k.norm(channels)
	}
	switch e.op {
	case dartsSep3, dartsSep5:
		area := int64(9)
		if e.op == dartsSep5 {
			area = 25
		}
		separable(area)
		separable(area)
	case dartsDil3:
		separable(9)
	case dartsDil5:
		separable(25)
	case dartsSkip:
		if half {
			k.conv(channels, channels, 1, pixels)
			k.norm(channels)
		} else {
			k.fairNorm(channels, c)
		}
	default:
		k.fairNorm(channels, c)
	}
}
