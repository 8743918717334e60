package run

import (
	"fmt"
	"strings"
)

// SettingError is a wrong value of one setting.
type SettingError struct {
	Setting string // its keys in config.yaml, dotted
	Problem string // the value, and why it cannot be
}

func (e *SettingError) Error() string { return e.Setting + " " + e.Problem }

func wrongSetting(setting, problem string, a ...any) error {
	return &SettingError{setting, fmt.Sprintf(problem, a...)}
}

// FileError is a configuration file that is not one.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("configuration %s: %v", e.Path, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

// ExistsError is a folder that cannot become a run because it holds one.
type ExistsError struct{ Dir string }

func (e *ExistsError) Error() string { return e.Dir + " holds a run already" }

// NoRunError is a folder that holds no run.
type NoRunError struct{ Dir string }

func (e *NoRunError) Error() string {
	return fmt.Sprintf("%s is not a run folder: it has no %s", e.Dir, ConfigName)
}

// LockedError is a folder that another process writes into.
type LockedError struct{ Dir string }

func (e *LockedError) Error() string { return e.Dir + ": another bnas is writing into this folder" }

// ImagesError is a data set with fewer images than scoring takes.
type ImagesError struct {
	Set        string
	Need, Have int
}

func (e *ImagesError) Error() string {
	return fmt.Sprintf("scoring needs %d images, %s has %d to give", e.Need, e.Set, e.Have)
}

// DeviceError is a device that was asked for and does not open.
type DeviceError struct {
	Device string // one of Devices
	Err    error
}

func (e *DeviceError) Error() string { return fmt.Sprintf("device %s: %v", e.Device, e.Err) }
func (e *DeviceError) Unwrap() error { return e.Err }

// listed is "a, b and c".
func listed[T ~string](names []T) string {
	var b strings.Builder
	for i, n := range names {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(n))
	}
	return b.String()
}
