package supernet

// normalForms101 is the number of architectures of NAS-Bench-101 in normal form.
const normalForms101 = 1_293_208

// Cost counts the network of Lower.
func (s nasBench101) Cost(a Arch, c Config) Cost {
	var k Cost
	cell := s.cell(a)
	in, channels := int64(c.Channels), int64(c.Channels)
	pixels := int64(c.Height) * int64(c.Width)
	k.conv(c.imageChannels(), channels, 9, pixels)
	k.norm(channels)
	for i := range 3 * c.Cells {
		if i > 0 && i%c.Cells == 0 {
			channels *= 2
			pixels /= 4
		}
		cell.cost(&k, in, channels, pixels, c)
		in = channels
	}
	k.linear(channels, int64(c.Classes))
	return k
}

// cost adds a cell.
func (c *cell101) cost(k *Cost, in, out, pixels int64, cfg Config) {
	widths := c.channels(int(out))
	for v := 1; v < c.n; v++ {
		width := int64(widths[v])
		if c.edge[0][v] {
			k.conv(in, width, 1, pixels)
			k.norm(width)
		}
		if v == c.n-1 {
			return
		}
		switch c.op[v] {
		case cell101Conv3:
			k.conv(width, width, 9, pixels)
			k.norm(width)
		case cell101Conv1:
			k.conv(width, width, 1, pixels)
			k.norm(width)
		case cell101MaxPool:
			k.fairNorm(width, cfg)
		}
	}
}
