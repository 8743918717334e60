package kernels

import "fmt"

// CheckLabels says what a CrossEntropy call has wrong: a label that is no class, or label smoothing outside [0, 1).
func CheckLabels(labels []int, smoothing float64, classes int) error {
	if !(smoothing >= 0 && smoothing < 1) {
		return fmt.Errorf("label smoothing %v is not in [0, 1)", smoothing)
	}
	for i, label := range labels {
		if label < 0 || label >= classes {
			return fmt.Errorf("label %d of image %d is not in 0…%d", label, i, classes-1)
		}
	}
	return nil
}
