package supernet

// Cost returns the cost of the skeleton plus that of the cells' convolutions.
func (nasBench201) Cost(a Arch, c Config) Cost {
	var k Cost
	width, pixels := int64(c.Channels), int64(c.Height)*int64(c.Width)
	k.conv(c.imageChannels(), width, 9, pixels)
	k.norm(width)
	for stage := range 3 {
		if stage > 0 {
			pixels /= 4
			k.conv(width, 2*width, 9, pixels)
			k.norm(2 * width)
			k.conv(2*width, 2*width, 9, pixels)
			k.norm(2 * width)
			k.conv(width, 2*width, 1, pixels)
			width *= 2
		}
		for range c.Cells {
			for _, op := range a {
				switch op {
				case nb201Conv1:
					k.conv(width, width, 1, pixels)
					k.norm(width)
				case nb201Conv3:
					k.conv(width, width, 9, pixels)
					k.norm(width)
				case nb201Skip, nb201Pool:
					k.fairNorm(width, c)
				}
			}
		}
	}
	k.norm(width)
	k.linear(width, int64(c.Classes))
	return k
}
