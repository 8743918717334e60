package run

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"

	"bnas.example/internal/amount"
	"bnas.example/internal/setting"
)

// SettingError means that one setting has an invalid value.
type SettingError = setting.Error

// SettingErrors is a list of them; its text is one line.
type SettingErrors = setting.Errors

// WrongSettings returns the wrong settings in an error, one or several; nil if it has none.
func WrongSettings(err error) SettingErrors { return setting.Wrong(err) }

// FileError means that a file is not a valid configuration file.
type FileError struct {
	Path string
	Err  error
}

// Error returns one line, although the errors of the YAML library have several.
func (e *FileError) Error() string {
	problem := strings.TrimPrefix(e.Err.Error(), "yaml: ")
	var wrong *yaml.TypeError
	if errors.As(e.Err, &wrong) {
		problem = wrong.Errors[0]
	}
	return fmt.Sprintf("configuration %s: %s", e.Path, problem)
}

func (e *FileError) Unwrap() error { return e.Err }

// ExistsError means that a folder already holds a run.
type ExistsError struct{ Dir string }

func (e *ExistsError) Error() string { return e.Dir + " holds a run already" }

// NoRunError means that a folder holds no run.
type NoRunError struct {
	Dir  string
	Runs []string // those whose common result is in the folder (Run.SearchOver)
}

func (e *NoRunError) Error() string {
	return fmt.Sprintf("%s is not a run folder: it has no %s", e.Dir, ConfigName)
}

// LockedError means that another process writes into a folder.
type LockedError struct{ Dir string }

func (e *LockedError) Error() string { return e.Dir + ": another bnas is writing into this folder" }

// UnwritableError means that scores cannot be kept in a folder, such as that of a run of somebody else.
type UnwritableError struct{ Err error }

func (e *UnwritableError) Error() string { return e.Err.Error() }

func (e *UnwritableError) Unwrap() error { return e.Err }

// unwritable marks an error of a folder that may not be written to.
func unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &UnwritableError{err}
	}
	return err
}

// ImagesError means that a data set has fewer images than scoring needs.
type ImagesError struct {
	Set        string
	Need, Have int
}

func (e *ImagesError) Error() string {
	return fmt.Sprintf("scoring needs %s, %s has %d to give", amount.Of(e.Need, "image"), e.Set, e.Have)
}

// MovedImagesError means that the images of a run folder are not where its configuration says.
type MovedImagesError struct{ Err error }

func (e *MovedImagesError) Error() string { return e.Err.Error() }
func (e *MovedImagesError) Unwrap() error { return e.Err }

// OtherImagesError means that the training images of a series are not those of its networks that are done.
type OtherImagesError struct {
	Where      string
	Want, Have string // hashes
}

func (e *OtherImagesError) Error() string {
	return fmt.Sprintf("%s has other images (sha256 %.12s…) than the networks that are done were trained on (%.12s…)", e.Where, e.Have, e.Want)
}

// DeviceError means that the requested device cannot be opened.
type DeviceError struct {
	Device string // one of Devices
	Err    error
}

func (e *DeviceError) Error() string { return fmt.Sprintf("device %s: %v", e.Device, e.Err) }
func (e *DeviceError) Unwrap() error { return e.Err }

// listed returns "a, b and c".
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
