package supernet

// Cost adds up the layers. A stride s makes n pixels ⌈n/s⌉.
func (c *chain) Cost(a Arch, cfg Config) Cost {
	var k Cost
	height, width := int64(cfg.Height), int64(cfg.Width)
	shrink := func(stride int) (before, after int64) {
		before = height * width
		s := int64(stride)
		height, width = (height+s-1)/s, (width+s-1)/s
		return before, height * width
	}
	in := int64(cfg.Channels)
	_, pixels := shrink(c.Stem.Stride)
	k.conv(cfg.imageChannels(), in, int64(c.Stem.Kernel*c.Stem.Kernel), pixels)
	k.norm(in)
	if c.first != nil {
		out := int64(c.width(c.First.Out, cfg))
		k.invertedResidual(in, out, *c.first, pixels, pixels)
		in = out
	}
	for i, l := range c.layers {
		out := int64(c.width(l.out, cfg))
		before, after := shrink(l.stride)
		switch o := c.operator(a, i); {
		case !o.identity():
			k.invertedResidual(in, out, o, before, after)
		case !l.plain():
			k.conv(in, out, 1, after)
			k.norm(out)
		case len(l.options) > 1:
			k.fairNorm(out, cfg)
		}
		in = out
	}
	k.conv(in, int64(c.Head), 1, height*width)
	k.norm(int64(c.Head))
	k.linear(int64(c.Head), int64(cfg.Classes))
	return k
}

// invertedResidual adds a MobileNet block: 1×1 from in to hidden channels at the pixels before its stride, depthwise, 1×1 to
// out channels, each with its BatchNorm.
func (k *Cost) invertedResidual(in, out int64, o chainOperator, before, after int64) {
	hidden := int64(o.expansion) * in
	if o.expansion > 1 {
		k.conv(in, hidden, 1, before)
		k.norm(hidden)
	}
	k.conv(1, hidden, int64(o.kernel*o.kernel), after)
	k.norm(hidden)
	k.conv(hidden, out, 1, after)
	k.norm(out)
}
