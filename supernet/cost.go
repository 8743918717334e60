package supernet

// conv adds a convolution of area k² from in to out channels with the given number of output pixels. in is 1 for a
// depthwise convolution.
func (k *Cost) conv(in, out, area, pixels int64) {
	k.Params += in * out * area
	k.MACs += in * out * area * pixels
}

// norm adds a BatchNorm of the standard placement.
func (k *Cost) norm(channels int64) {
	k.Params += 2 * channels
	k.BNParams += 2 * channels
	k.Depth++
}

// fairNorm adds a BatchNorm that only the fair placement has.
func (k *Cost) fairNorm(channels int64, c Config) {
	if c.BN == Fair {
		k.BNParams += 2 * channels
	}
}

// linear adds a classifier with bias.
func (k *Cost) linear(in, out int64) {
	k.Params += in*out + out
	k.MACs += in * out
}
