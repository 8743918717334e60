package run

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/kernels"
)

// greyConfig is a tiny run on a folder of grey images.
func greyConfig(t *testing.T) Config {
	t.Helper()
	c := tiny()
	c.Data.Name, c.Data.Dir, c.Data.Holdout = "folder", tinyFolder(t, 3, 60), 20
	return c
}

// TestGrey: a run takes the number of channels from its images. It trains, is opened again, scores and searches.
func TestGrey(t *testing.T) {
	r := create(t, greyConfig(t))
	if _, err := r.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	archs := LiveSample(r.Net, 2, 1, "test")
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if text := configText(t, r.Dir); !strings.Contains(text, "\n    image_channels: 1\n") {
		t.Errorf("the configuration has no image_channels: 1:\n%s", text)
	}

	r = reopen(t, r.Dir, Open)
	again, err := r.Key()
	if err != nil || !maps.Equal(key, again) || !strings.Contains(key["supernet"], "image_channels: 1") {
		t.Errorf("key %v after opening again, want %v (%v)", again, key, err)
	}
	p, err := r.Net.Program(archs[0])
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Values[kernels.Images].C; c != 1 || r.Images.Channels() != 1 {
		t.Errorf("the network has %d input channels, the images %d", c, r.Images.Channels())
	}
	scored(t, r, archs)
	if found, err := r.Search(t.Context(), "", nil); err != nil || found.Evaluations != 4 {
		t.Errorf("search: %v", err)
	}
	if setup, err := ReadSetup(filepath.Join(r.Dir, "scores.csv")); err != nil || !setup.Grey || !strings.Contains(setup.String(), "8×8 grey, seed") {
		t.Errorf("setup %v, %v", setup, err)
	}
	about, err := r.ImageMetadata()
	if err != nil || strings.Contains(about["mean"], ",") || strings.Contains(about["std"], ",") {
		t.Errorf("metadata %v, %v: want one mean and one deviation", about, err)
	}
	tests, err := r.TestImages(3)
	if err != nil || tests[0].Channels != 1 {
		t.Errorf("test images: %v", err)
	}
	mean, _ := r.Images.Normal()
	if again, err := r.ImageMetadata(); err != nil || !maps.Equal(about, again) || mean[0] < 1 {
		t.Errorf("the metadata have changed the normalisation: %v, %v", again, err)
	}
}

// TestTripled: with three image channels grey images are three equal ones. A run folder without image_channels, as earlier
// versions wrote it, is one of three, and goes on: its key, its scores and its checkpoints are the same to the bit.
func TestTripled(t *testing.T) {
	cfg := greyConfig(t)
	cfg.Supernet.ImageChannels = 3
	cfg.Train.Steps = 4
	r := create(t, cfg)
	if _, err := r.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	text := configText(t, r.Dir)
	const asked = "    image_channels: 3\n"
	if !strings.Contains(text, asked) {
		t.Fatalf("the configuration forgot what was asked for:\n%s", text)
	}
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(r.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, ConfigName), []byte(strings.Replace(text, asked, "", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	archs := LiveSample(r.Net, 2, 1, "test")
	r.Close()
	var ledgers, checkpoints []string
	var keys []map[string]string
	for _, dir := range []string{r.Dir, old} {
		opened := reopen(t, dir, Open)
		key, err := opened.Key()
		if err != nil {
			t.Fatal(err)
		}
		if opened.Images.Channels() != 3 || strings.Contains(key["supernet"], "image_channels") {
			t.Errorf("%d channels, key %v", opened.Images.Channels(), key)
		}
		_, ledger := scored(t, opened, archs)
		opened.Close()
		cfg, err := ReadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Train.Steps = 6
		longer, err := Resume(dir, cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := longer.Train(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		checkpoints = append(checkpoints, arrays(checkpoint(t, longer)))
		longer.Close()
		ledgers, keys = append(ledgers, ledger), append(keys, key)
	}
	if ledgers[0] != ledgers[1] || checkpoints[0] != checkpoints[1] || !maps.Equal(keys[0], keys[1]) {
		t.Error("the run without image_channels is another one")
	}
}

// TestRetrainingKeepsChannels: the second network of a series that an earlier version began on grey images has three input
// channels, as the first.
func TestRetrainingKeepsChannels(t *testing.T) {
	cfg := ownConfig(t)
	cfg.Data.Name, cfg.Data.Dir, cfg.Data.Holdout = "folder", tinyFolder(t, 3, 20), 0
	cfg.Supernet.ImageChannels = 3
	s, r, err := CreateRetraining(filepath.Join(t.TempDir(), "own"), cfg, ownArchs, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	text := configText(t, s.Folder(1))
	if err := os.WriteFile(filepath.Join(s.Folder(1), ConfigName), []byte(strings.Replace(text, "    image_channels: 3\n", "", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenRetraining(s.Dir); err != nil {
		t.Fatal(err)
	}
	for i := range ownArchs {
		if r, err = s.Open(i+1, Options{}); err != nil {
			t.Fatal(err)
		}
		if c := r.Net.Config.Images().C; c != 3 {
			t.Errorf("network %d has %d input channels", i+1, c)
		}
		r.Close()
	}
}

// TestColourImagesOfAGreyRun: the images of a run must have its channels; an error names the setting and the file.
func TestColourImagesOfAGreyRun(t *testing.T) {
	cfg := greyConfig(t)
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Create(dir, cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	for i, c := range []struct {
		images string
		tests  bool
	}{{"train", false}, {"test", true}} {
		kept, err := ReadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		kept.Data.Dir = splitFolder(t, c.images)
		r, err := Resume(dir, kept, Options{})
		if c.tests && err == nil {
			defer r.Close()
			_, err = r.TestImages(1)
		}
		wrong := WrongSettings(err)
		if len(wrong) != 1 || wrong[0].Setting != "supernet.image_channels" || !strings.Contains(wrong[0].Problem, "photo.png is in colour") {
			t.Errorf("%d: error %v", i, err)
		}
	}
	cfg.Supernet.ImageChannels, cfg.Data.Dir = 1, splitFolder(t, "train")
	top := filepath.Join(t.TempDir(), "new")
	_, err = Create(filepath.Join(top, "run"), cfg, Options{})
	if len(WrongSettings(err)) != 1 {
		t.Errorf("one channel of images in colour: %v", err)
	}
	if _, err := os.Stat(top); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", top, err)
	}
}

// splitFolder makes a folder of grey images with a split, in one part of which an image is in colour.
func splitFolder(t *testing.T, inColour string) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"train", "test"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(tinyFolder(t, 3, 30))); err != nil {
			t.Fatal(err)
		}
	}
	writePhoto(t, filepath.Join(dir, inColour, "class1", "photo.png"))
	return dir
}

// writePhoto writes an image in colour.
func writePhoto(t *testing.T, path string) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	m.Set(3, 3, color.NRGBA{R: 200, A: 255})
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(png.Encode(f, m), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func configText(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
