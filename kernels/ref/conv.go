package ref

import "bnas.example/kernels"

// geometry holds the shapes and the window of a convolution or a pool. Output pixel o reads the inputs
// o·Stride − Pad + k·Dilation.
type geometry struct {
	in, out kernels.Shape
	kernels.Window
	groups int
}

// span returns the outputs o, from lo up to hi, whose tap k lies inside an axis of in inputs, and the input at lo.
func (g geometry) span(k, in, out int) (lo, hi, at int) {
	shift := k*g.Dilation - g.Pad // input of output 0
	if shift < 0 {
		lo = (-shift + g.Stride - 1) / g.Stride
	}
	if last := in - 1 - shift; last >= 0 {
		hi = min(out, last/g.Stride+1)
	}
	return lo, hi, lo*g.Stride + shift
}

// taps splits the convolution sum into pieces that share a weight and lie in one row of pixels, and calls row for each.
// A piece has n outputs from index to, and the inputs from index from in steps of Stride. Consecutive whole rows are one
// piece.
func (g geometry) taps(row func(weight, to, from, n int)) {
	g.sharedTaps(1, func(_, weight, to, from, n int) { row(weight, to, from, n) })
}

// sharedTaps calls row once for the pieces of up to most output channels that read the same inputs. weight and to are those of
// the first channel.
func (g geometry) sharedTaps(most int, row func(channels, weight, to, from, n int)) {
	outs, ins := g.out.C/g.groups, g.in.C/g.groups
	for ky := range g.Kernel {
		y0, y1, iy := g.span(ky, g.in.H, g.out.H)
		for kx := range g.Kernel {
			x0, x1, ix := g.span(kx, g.in.W, g.out.W)
			if x0 >= x1 || y0 >= y1 {
				continue
			}
			rows, n := y1-y0, x1-x0
			if g.Stride == 1 && n == g.in.W && n == g.out.W {
				rows, n = 1, n*rows
			}
			for o := 0; o < g.out.C; {
				channels := min(most, outs-o%outs)
				for i := range ins {
					weight := ((o*ins+i)*g.Kernel+ky)*g.Kernel + kx
					to := (o*g.out.H+y0)*g.out.W + x0
					from := ((o/outs*ins+i)*g.in.H+iy)*g.in.W + ix
					for range rows {
						row(channels, weight, to, from, n)
						to += g.out.W
						from += g.Stride * g.in.W
					}
				}
				o += channels
			}
		}
	}
}

// conv adds to y[o,p] = Σ_{i,k} w[o,i,k]·u[i, p·Stride − Pad + k·Dilation] for one image.
func conv(y, w, u []float64, g geometry) {
	g.taps(func(weight, to, from, n int) {
		a, out := w[weight], y[to:to+n]
		if g.Stride == 1 {
			in := u[from:][:len(out)]
			for x := range out {
				out[x] += a * in[x]
			}
			return
		}
		for x := range out {
			out[x] += a * u[from+x*g.Stride]
		}
	})
}

// convInput adds to du the gradient of conv's input: every product w·u of the sum contributes w·dy. It takes four output channels
// at a time, in their order: du is read and written once for them.
func convInput(du, w, dy []float64, g geometry) {
	area, filter := g.out.H*g.out.W, g.in.C/g.groups*g.Kernel*g.Kernel
	g.sharedTaps(4, func(channels, weight, to, from, n int) {
		if g.Stride == 1 && channels == 4 {
			in := du[from:][:n]
			d0, d1, d2, d3 := dy[to:][:n], dy[to+area:][:n], dy[to+2*area:][:n], dy[to+3*area:][:n]
			a0, a1, a2, a3 := w[weight], w[weight+filter], w[weight+2*filter], w[weight+3*filter]
			for x := range in {
				in[x] = in[x] + a0*d0[x] + a1*d1[x] + a2*d2[x] + a3*d3[x]
			}
			return
		}
		for o := range channels {
			a := w[weight+o*filter]
			for x, v := range dy[to+o*area:][:n] {
				du[from+x*g.Stride] += a * v
			}
		}
	})
}

// convWeight adds to dw the gradient of conv's weight: every product w·u of the sum contributes u·dy.
func convWeight(dw, u, dy []float64, g geometry) {
	g.taps(func(weight, to, from, n int) {
		sum := 0.0
		for x, d := range dy[to : to+n] {
			sum += d * u[from+x*g.Stride]
		}
		dw[weight] += sum
	})
}
