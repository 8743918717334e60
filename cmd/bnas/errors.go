package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
)

// inFlags rewords an error of package run for the command line: it names the flag of a setting and the flags of this command
// that help. A wrong setting or configuration file, and a folder that holds a run, become usage errors.
func inFlags(c *cli.Command, err error) error {
	var (
		file   *run.FileError
		exists *run.ExistsError
		noRun  *run.NoRunError
		locked *run.LockedError
		images *run.ImagesError
		device *run.DeviceError
		moved  *run.MovedImagesError
		others *run.OtherImagesError
		closed *run.UnwritableError
	)
	if wrong := run.WrongSettings(err); wrong != nil {
		lines := make([]string, len(wrong))
		for i, one := range wrong {
			lines[i] = asFlag(c, one)
		}
		return usageError{reword(err, wrong, strings.Join(lines, "; "))}
	}
	switch {
	case errors.As(err, &file):
		return usageError{err}
	case errors.As(err, &exists):
		return usageError{reword(err, exists, fmt.Sprintf("%v; go on with --resume %s, or name another folder with --out", exists, quote(exists.Dir)))}
	case errors.As(err, &noRun) && len(noRun.Runs) > 0:
		return reword(err, noRun, fmt.Sprintf("%v, but the result of a search over several runs; name one of them: %s", noRun, strings.Join(noRun.Runs, ", ")))
	case errors.As(err, &noRun):
		return reword(err, noRun, noRun.Error()+"; `bnas train` or `bnas run` makes one")
	case errors.As(err, &locked):
		text := locked.Error() + "; wait for it"
		if hasFlag(c, "out") {
			text += ", or name another folder with --out"
		}
		return reword(err, locked, text)
	case errors.As(err, &closed) && hasFlag(c, "out"):
		return reword(err, closed, closed.Error()+"; keep the scores in a folder that you may write to: --out DIR")
	case errors.As(err, &images):
		return reword(err, images, images.Error()+"; "+fewerImages(c))
	case errors.As(err, &moved) && hasFlag(c, "data-dir"):
		return reword(err, moved, moved.Error()+"; if the images were moved, name their folder with --data-dir")
	case errors.As(err, &others):
		return reword(err, others, others.Error()+"; name the folder of those with --data-dir")
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

// asFlag returns the text of a wrong setting with its flag, or with its key in the file if no flag of the command sets it.
func asFlag(c *cli.Command, e *run.SettingError) string {
	if s, ok := settingOf(e.Setting); ok && hasFlag(c, s.flag) {
		return "--" + s.flag + " " + withFlags(c, e.Problem)
	}
	return "the setting " + e.Error()
}

// keyInFile is a setting by its keys in the file of --config.
var keyInFile = regexp.MustCompile(`[a-z]+\.[a-z_.]*[a-z]`)

// withFlags replaces the keys of settings in a text by the flags that set them.
func withFlags(c *cli.Command, text string) string {
	return keyInFile.ReplaceAllStringFunc(text, func(key string) string {
		if s, ok := settingOf(key); ok && hasFlag(c, s.flag) {
			return "--" + s.flag
		}
		return key
	})
}

// settingOf returns the setting with a path.
func settingOf(path string) (setting, bool) {
	for _, s := range allSettings() {
		if s.path == path {
			return s, true
		}
	}
	return setting{}, false
}

func hasFlag(c *cli.Command, name string) bool {
	return slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// fewerImages says how the command can do with fewer images.
func fewerImages(c *cli.Command) string {
	switch {
	case hasFlag(c, "images"):
		return "lower --images or --mc-batches"
	case hasFlag(c, "rank-every"):
		return "lower score.images in the file of --config, or train without a ranking: --rank-every 0"
	}
	return "lower score.images in the file of --config"
}

// plain returns the text of an error without the names of system calls: "open F: no such file or directory" becomes "F: no such
// file or folder".
func plain(err error) string {
	text := err.Error()
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		text = strings.Replace(text, path.Error(), path.Path+": "+reason(path.Err), 1)
		text = strings.Replace(text, path.Path+": "+path.Path+": ", path.Path+": ", 1)
	case errors.As(err, &link):
		text = strings.Replace(text, link.Error(), link.New+": "+reason(link.Err), 1)
	}
	return text
}

func reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "no such file or folder"
	}
	return err.Error()
}
