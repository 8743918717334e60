package data

import "math"

// measure returns the mean and the standard deviation of each channel over at most limit images, evenly spaced in the
// set. It counts byte values; the result does not depend on the order of a sum.
func measure(s Set, limit int) (mean, std []float64, err error) {
	h, w := s.Size()
	channels := s.Channels()
	planes := make([]byte, channels*h*w)
	count := make([][256]int64, channels)
	n := min(s.Len(), limit)
	for k := range n {
		if err := readImage(s, planes, k*s.Len()/n); err != nil {
			return nil, nil, err
		}
		for c := range channels {
			for _, v := range planes[c*h*w : (c+1)*h*w] {
				count[c][v]++
			}
		}
	}
	total := float64(n * h * w)
	mean, std = make([]float64, channels), make([]float64, channels)
	for c := range channels {
		var sum, squares float64
		for v, k := range count[c] {
			sum += float64(v) * float64(k)
			squares += float64(v*v) * float64(k)
		}
		mean[c] = sum / total
		std[c] = math.Sqrt(squares/total - float64(mean[c]*mean[c])) // the conversion keeps processors from fusing
		if !(std[c] > 0) {                                           // a channel that never changes is centred only
			std[c] = 1
		}
	}
	return mean, std, nil
}
