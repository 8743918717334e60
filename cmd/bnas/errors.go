package main

import (
	"errors"
	"fmt"
	"strings"

	"bnas.example/run"
)

// inFlags rewords an error of package run for the command line: it names the flag of a setting and the flags that help. A
// wrong setting or configuration file, and a folder that holds a run, become usage errors.
func inFlags(err error) error {
	var (
		setting *run.SettingError
		several run.SettingErrors
		file    *run.FileError
		exists  *run.ExistsError
		noRun   *run.NoRunError
		locked  *run.LockedError
		images  *run.ImagesError
		device  *run.DeviceError
	)
	switch {
	case errors.As(err, &setting):
		return usageError{reword(err, setting, asFlag(setting))}
	case errors.As(err, &several):
		lines := make([]string, len(several))
		for i, one := range several {
			lines[i] = asFlag(one)
		}
		return usageError{reword(err, several, strings.Join(lines, "; "))}
	case errors.As(err, &file):
		return usageError{err}
	case errors.As(err, &exists):
		return usageError{reword(err, exists, fmt.Sprintf("%v; go on with --resume %s, or name another folder with --out", exists, exists.Dir))}
	case errors.As(err, &noRun):
		return reword(err, noRun, noRun.Error()+"; `bnas train` or `bnas run` makes one")
	case errors.As(err, &locked):
		return reword(err, locked, locked.Error()+"; wait for it, or name another folder with --out")
	case errors.As(err, &images):
		return reword(err, images, images.Error()+"; lower --images or --mc-batches")
	case errors.As(err, &device):
		text := "--" + device.Error()
		if errors.Is(device, run.ErrNoDriver) {
			text += ": see bnas doctor, or use --device cpu"
		}
		return reword(err, device, text)
	}
	return err
}

// reworded is an error with another text.
type reworded struct {
	error
	text string
}

func (e reworded) Error() string { return e.text }
func (e reworded) Unwrap() error { return e.error }

// reword replaces the text of part within the error by another text.
func reword(err, part error, text string) error {
	return reworded{err, strings.Replace(err.Error(), part.Error(), text, 1)}
}

// asFlag returns the text of a wrong setting with the name of its flag, or of its key in the file if no flag sets it.
func asFlag(e *run.SettingError) string {
	for _, group := range allSettings() {
		for _, s := range group {
			if s.path == e.Setting {
				return "--" + s.flag + " " + e.Problem
			}
		}
	}
	return e.Error()
}
