package ntk

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// Exponent returns the a of y ∝ xᵃ: the slope of log y by log x, by least squares. All x and y must be positive, and there
// must be two different x.
func Exponent(x, y []float64) (float64, error) {
	if len(x) != len(y) {
		return 0, fmt.Errorf("ntk: exponent: %d x and %d y", len(x), len(y))
	}
	logX, logY := make([]float64, len(x)), make([]float64, len(y))
	different := false
	for i := range x {
		if !(x[i] > 0 && y[i] > 0) {
			return 0, fmt.Errorf("ntk: exponent: point %d is (%v, %v); both must be positive", i, x[i], y[i])
		}
		logX[i], logY[i] = math.Log(x[i]), math.Log(y[i])
		different = different || x[i] != x[0]
	}
	if !different {
		return 0, fmt.Errorf("ntk: exponent: %d points of one x", len(x))
	}
	_, slope := stat.LinearRegression(logX, logY, nil, false)
	return slope, nil
}
