//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bnas.example/data"
	"bnas.example/safetensors"
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
	backFromTorch(t)
}

// backFromTorch changes the network in PyTorch and imports it with and without metadata: all of its parameters arrive.
func backFromTorch(t *testing.T) {
	program := `
import torch
from safetensors.torch import save_file
from network import load, save
network, about = load()
torch.manual_seed(1)
with torch.no_grad():
    for p in network.parameters():
        p += 0.1 * torch.rand_like(p)
save(network, about, "trained.safetensors")
save_file(network.state_dict(), "bare.safetensors")
`
	if out, err := exec.Command("python3", "-c", program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	succeeds(t, "import trained.safetensors --out one --batch 8 --rank-every 0 --steps 4")
	succeeds(t, "import bare.safetensors all3x3 --channels 4 --cells 1 --height 8 --width 8 --out two --batch 8 --rank-every 0 --steps 4")
	want, err := os.ReadFile("trained.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	trained, err := safetensors.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"one", "two"} {
		succeeds(t, "export all3x3 --run "+dir+" -o back.safetensors --calibration-images 8")
		content, err := os.ReadFile("back.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		back, err := safetensors.Decode(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range trained.Tensors {
			if y, _ := back.Tensor(x.Name); !strings.Contains(x.Name, "running_") && !bytes.Equal(x.Data, y.Data) {
				t.Errorf("%s: %s is not the trained one", dir, x.Name)
			}
		}
	}
}
