//go:build unix

package main

import (
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"bnas.example/data"
)

// python is the program of the README for an exported network.
var python = regexp.MustCompile("(?s)```python\n(.*?)```")

// TestTorchSnippet executes the README's Python on a network of a run.
func TestTorchSnippet(t *testing.T) {
	if err := exec.Command("python3", "-c", "import torch, safetensors").Run(); err != nil {
		t.Skip("python3 has no torch and safetensors; scripts/with-torch.sh runs a command with them")
	}
	snippets := python.FindAllStringSubmatch(readPage(t, "../../README.md"), -1)
	if len(snippets) == 0 {
		t.Fatal("the README has no Python")
	}
	set, err := data.Open(data.Options{Name: "fashion"})
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	succeeds(t, "train --steps 2 --out r "+tinyTrain)
	succeeds(t, "export all3x3 --run r -o network.py --calibration-images 8")
	for _, s := range snippets {
		out, err := exec.Command("python3", "-c", s[1]).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var names []string
		for _, m := range regexp.MustCompile(`'([^']*)'`).FindAllStringSubmatch(string(out), -1) {
			if slices.Contains(set.Classes(), m[1]) {
				names = append(names, m[1])
			}
		}
		if len(names) != 8 {
			t.Errorf("%d names of classes for 8 images: %s", len(names), out)
		}
	}
}
