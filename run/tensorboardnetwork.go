package run

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"bnas.example/report"
	"bnas.example/tensorboard"
	"bnas.example/train"
)

// network writes the picture and the text of the network that the search of the run has found, or that the run trains alone, if there
// is one.
func (e *events) network() error {
	cfg, err := ReadConfig(e.dir)
	if err != nil {
		return err
	}
	arch, step, err := networkOf(e.dir, cfg)
	if arch == "" || err != nil {
		return err
	}
	space, err := cfg.Supernet.Lookup()
	if err != nil {
		return err
	}
	a, err := space.Parse(arch)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(e.dir, ResultName), err)
	}
	graph, err := GraphOf(space, a)
	if err != nil {
		return err
	}
	picture, err := report.PNG(graph, PlacesOf(space))
	if err != nil {
		return err
	}
	size, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return fmt.Errorf("picture of %s: %w", arch, err)
	}
	return e.w.Write(e.clock.now(), step, tensorboard.Image("network", picture, size.Width, size.Height), tensorboard.Text("architecture", "    "+arch))
}

// networkOf returns the network of a run, and the step of training at which it was found; "": there is none.
func networkOf(dir string, cfg Config) (arch string, step int, err error) {
	if cfg.Train.Path != "" {
		return cfg.Train.Path, 0, nil
	}
	result, err := ReadResult(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	if result.Steps != nil {
		step = *result.Steps
	}
	if taken := result.Taken(); taken != nil {
		arch = taken.Arch
	}
	return arch, step, nil
}

// showNetwork makes the event file of a run folder that has one again, with the network that its search has found. A failure is only
// said: the result is there.
func showNetwork(dir string) {
	old, err := filepath.Glob(filepath.Join(escapeGlob(dir), eventsPattern))
	if len(old) == 0 || err != nil {
		return
	}
	info, err := os.Stat(filepath.Join(dir, train.MetricsName))
	if err == nil {
		_, err = writeEvents(dir, dir, info.ModTime())
	}
	if err != nil {
		slog.Warn("the event file for TensorBoard is without the network that was found; the command makes it again", "reason", err, "command", "bnas tensorboard "+dir)
	}
}
