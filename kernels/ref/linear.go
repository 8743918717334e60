package ref

import "bnas.example/kernels"

// concat joins the channels of every part, image by image. The first size elements of an image stay.
func concat(parts [][]float64, n, size int) []float64 {
	var y []float64
	for i := range n {
		for _, part := range parts {
			all := len(part) / n
			y = append(y, part[i*all:(i+1)*all]...)
		}
		y = y[:(i+1)*size]
	}
	return y
}

// split is the inverse of concat for parts with the given sizes per image. An element that concat dropped is 0.
func split(y []float64, sizes []int, n int) [][]float64 {
	parts := make([][]float64, len(sizes))
	for i := range n {
		image := y[i*len(y)/n : (i+1)*len(y)/n]
		for k, size := range sizes {
			part := make([]float64, size)
			image = image[copy(part, image):]
			parts[k] = append(parts[k], part...)
		}
	}
	return parts
}

// globalAvg: y[n,c] = mean over pixels of u[n,c,·].
func globalAvg(u []float64, s kernels.Shape) []float64 {
	pixels := s.H * s.W
	y := make([]float64, len(u)/pixels)
	for i, v := range u {
		y[i/pixels] += v / float64(pixels)
	}
	return y
}

// globalAvgInput: du[n,c,p] = dy[n,c]/pixels.
func globalAvgInput(dy []float64, s kernels.Shape) []float64 {
	pixels := s.H * s.W
	du := make([]float64, len(dy)*pixels)
	for i := range du {
		du[i] = dy[i/pixels] / float64(pixels)
	}
	return du
}

// linear: y[n,k] = Σ_c w[k,c]·u[n,c] + b[k]; a nil b is zeros.
func linear(w, b, u []float64, n int) []float64 {
	in := len(u) / n
	out := len(w) / in
	y := make([]float64, n*out)
	for i := range n {
		for k := range out {
			sum := 0.0
			for c := range in {
				sum += w[k*in+c] * u[i*in+c]
			}
			if b != nil {
				sum += b[k]
			}
			y[i*out+k] = sum
		}
	}
	return y
}

// linearInput: du[n,c] = Σ_k w[k,c]·dy[n,k].
func linearInput(w, dy []float64, n int) []float64 {
	out := len(dy) / n
	in := len(w) / out
	du := make([]float64, n*in)
	for i := range n {
		for k := range out {
			for c := range in {
				du[i*in+c] += w[k*in+c] * dy[i*out+k]
			}
		}
	}
	return du
}

// linearParams: dw[k,c] = Σ_n dy[n,k]·u[n,c] and db[k] = Σ_n dy[n,k].
func linearParams(u, dy []float64, n int) (dw, db []float64) {
	in, out := len(u)/n, len(dy)/n
	dw, db = make([]float64, out*in), make([]float64, out)
	for i := range n {
		for k := range out {
			for c := range in {
				dw[k*in+c] += dy[i*out+k] * u[i*in+c]
			}
			db[k] += dy[i*out+k]
		}
	}
	return dw, db
}
