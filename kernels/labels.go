package kernels

import "fmt"

// CheckLabels returns an error if a label is not a class or the label smoothing is outside [0, 1).
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
