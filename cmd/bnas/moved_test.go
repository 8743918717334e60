package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pictures makes a folder of images with two classes of n images each.
func pictures(t *testing.T, dir string, n int) {
	t.Helper()
	for _, class := range []string{"a", "b"} {
		if err := os.MkdirAll(filepath.Join(dir, class), 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			writePNG(t, filepath.Join(dir, class, fmt.Sprintf("%d.png", i)), uint64(i)+uint64(class[0])*1000)
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

const ofPictures = " --data folder --data-dir pics --height 8 --width 8 --channels 4 --cells 1 --batch 4 --steps 2 --device cpu --threads 1 --quiet"

// TestRetrainingWithMovedImages: a series goes on with --data-dir where its images are now, remembers the place, and takes no others.
func TestRetrainingWithMovedImages(t *testing.T) {
	t.Chdir(t.TempDir())
	pictures(t, "pics", 8)
	pictures(t, "others", 9)
	succeeds(t, "retrain all3x3 mixed --holdout 0 --out own"+ofPictures)
	want, err := os.ReadFile("own/2/retrained.json")
	if err != nil {
		t.Fatal(err)
	}
	rename(t, "own/2", "kept")
	rename(t, "pics", "moved")
	code, _, stderr := line("retrain --resume own --quiet")
	if code != exitFailure || stderr != "bnas: data: folder: pics: no such file or folder; if the images were moved, name their folder with --data-dir\n" {
		t.Errorf("no images: exit code %d: %s", code, stderr)
	}
	code, _, stderr = line("retrain --resume own --data-dir others --quiet")
	if code != exitFailure || !strings.HasPrefix(stderr, "bnas: others has other images (sha256 ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("other images: exit code %d: %s", code, stderr)
	}
	if _, err := os.Lstat("own/2"); err == nil {
		t.Error("the refused network has a folder")
	}
	succeeds(t, "retrain --resume own --data-dir moved --quiet")
	if got, err := os.ReadFile("own/2/retrained.json"); err != nil || string(got) != string(want) {
		t.Errorf("result %s (%v), want %s", got, err, want)
	}
	if err := os.Remove("own/2/retrained.json"); err != nil {
		t.Fatal(err)
	}
	succeeds(t, "retrain --resume own --quiet")
}

// TestRunWithMovedImages: a run that went on with --data-dir keeps the place, and a search finds its finalists with it.
func TestRunWithMovedImages(t *testing.T) {
	t.Chdir(t.TempDir())
	pictures(t, "pics", 24)
	succeeds(t, "train --holdout 12 --rank-every 0 --out r"+ofPictures)
	const search = "search --run r --composite params --strategy random --max-evaluations 3 --finalists 2 --finalist-epochs 1 --quiet"
	succeeds(t, search)
	before, err := filepath.Glob("r/finalists/*")
	if err != nil || len(before) != 2 {
		t.Fatalf("finalists %q (%v)", before, err)
	}
	rename(t, "pics", "moved")
	code, _, stderr := line(search)
	if code != exitFailure || !strings.HasSuffix(stderr, "; if the images were moved, name their folder with --data-dir\n") {
		t.Errorf("no images: exit code %d: %s", code, stderr)
	}
	succeeds(t, search+" --data-dir moved")
	if after, err := filepath.Glob("r/finalists/*"); err != nil || len(after) != 2 {
		t.Errorf("finalists %q (%v), want %q", after, err, before)
	}
	succeeds(t, "train --resume r --steps 3 --data-dir moved --quiet")
	succeeds(t, search)
}
