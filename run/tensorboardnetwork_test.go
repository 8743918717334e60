package run

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// eventFile is the only event file of a folder.
func eventFile(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, eventsPattern))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestNetworkInEvents: a search adds the network that it has found to the event file of its run, and makes none where there is none.
func TestNetworkInEvents(t *testing.T) {
	cfg := timing()
	cfg.Search.Objectives = nil
	for _, with := range []bool{true, false} {
		r := create(t, cfg)
		r.TensorBoard = with
		if _, err := r.Train(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if with && bytes.Contains(eventFile(t, r.Dir), []byte("\x89PNG")) {
			t.Error("a picture before the search")
		}
		found, err := r.Search(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if !with {
			if files, _ := filepath.Glob(filepath.Join(r.Dir, "events.*")); len(files) > 0 {
				t.Errorf("event files %v", files)
			}
			continue
		}
		text := eventFile(t, r.Dir)
		for _, part := range []string{"\x89PNG", "network", found.Best[0].Scores.Arch, "train/loss", "session_end_info"} {
			if !bytes.Contains(text, []byte(part)) {
				t.Errorf("the events lack %q", part)
			}
		}
	}
}

// TestNetworkOfARunAlone: a run of one network has its picture, and one whose result cannot be read has an error.
func TestNetworkOfARunAlone(t *testing.T) {
	dir := folderWith(t, sampleMetrics)
	cfg := Default()
	cfg.Train.Sampling, cfg.Train.Path = "fixed", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
	if err := writeConfig(dir, cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteEvents(dir, dir); err != nil {
		t.Fatal(err)
	}
	if text := eventFile(t, dir); !bytes.Contains(text, []byte("\x89PNG")) || !bytes.Contains(text, []byte("    "+cfg.Train.Path)) {
		t.Error("no network")
	}
	dir = folderWith(t, sampleMetrics)
	if err := os.WriteFile(filepath.Join(dir, ResultName), []byte(`{"best":[{"arch":"nonsense"}]}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteEvents(dir, dir); err == nil {
		t.Error("a network that is none")
	}
}
