package ref

import "math"

// windows calls visit for every output of a pool, with the inputs of its window inside the image. It reuses the slice
// from.
func (g geometry) windows(visit func(to int, from []int)) {
	var from []int
	for c := range g.out.C {
		for y := range g.out.H {
			for x := range g.out.W {
				from = from[:0]
				for ky := range g.Kernel {
					for kx := range g.Kernel {
						iy, ix := y*g.Stride-g.Pad+ky*g.Dilation, x*g.Stride-g.Pad+kx*g.Dilation
						if iy >= 0 && iy < g.in.H && ix >= 0 && ix < g.in.W {
							from = append(from, (c*g.in.H+iy)*g.in.W+ix)
						}
					}
				}
				visit((c*g.out.H+y)*g.out.W+x, from)
			}
		}
	}
}

// maxPool: y = max over the window.
func maxPool(y, u []float64, g geometry) {
	g.windows(func(to int, from []int) { y[to] = u[first(u, from)] })
}

// maxPoolInput adds dy to the first maximum of each window of u.
func maxPoolInput(du, u, dy []float64, g geometry) {
	g.windows(func(to int, from []int) { du[first(u, from)] += dy[to] })
}

// first returns the first of the indices at which u is largest. A NaN counts as larger than every number.
func first(u []float64, indices []int) int {
	best := indices[0]
	for _, i := range indices {
		if u[i] > u[best] || math.IsNaN(u[i]) && !math.IsNaN(u[best]) {
			best = i
		}
	}
	return best
}

// avgPool: y = mean over the window.
func avgPool(y, u []float64, g geometry) {
	g.windows(func(to int, from []int) {
		sum := 0.0
		for _, i := range from {
			sum += u[i]
		}
		y[to] = sum / float64(len(from))
	})
}

// avgPoolInput adds to every input of a window its share of dy.
func avgPoolInput(du, dy []float64, g geometry) {
	g.windows(func(to int, from []int) {
		for _, i := range from {
			du[i] += dy[to] / float64(len(from))
		}
	})
}
