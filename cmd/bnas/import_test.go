//go:build unix

package main

import (
	"bytes"
	"maps"
	"os"
	"strings"
	"testing"

	"bnas.example/safetensors"
)

// TestImportOfOtherMetadata: a network of other classes is a warning, and metadata that are no numbers are an error.
func TestImportOfOtherMetadata(t *testing.T) {
	t.Chdir(t.TempDir())
	succeeds(t, "train --steps 1 --out r "+tinyTrain)
	succeeds(t, "export all3x3 --run r -o net.safetensors --calibration-images 8")
	content, err := os.ReadFile("net.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Decode(content)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		key, value string
		code       int
		stderr     string
	}{
		{"class_names", f.Metadata["class_names"], exitOK, ""},
		{"class_names", strings.Replace(f.Metadata["class_names"], "Trouser", "Hat", 1), exitOK, "the network has other classes than the images"},
		{"mean", "grey", exitFailure, `other.safetensors: metadata: mean is "grey", not a list of numbers`},
		{"channels", "four", exitFailure, `other.safetensors: metadata: channels is "four", not a whole number`},
		{"arch", "|none~0|", exitFailure, `other.safetensors: metadata: "|none~0|": `},
		{"classes", "11", exitUsage, "classes of the network in other.safetensors: 11, but fashion has 10; name its images with --data"},
		{"space", "other", exitUsage, "there are nas-bench-201"},
	} {
		metadata := maps.Clone(f.Metadata)
		metadata[c.key] = c.value
		var b bytes.Buffer
		if err := safetensors.Write(&b, metadata, f.Tensors...); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("other.safetensors", b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		args := strings.Fields("import other.safetensors --batch 4 --rank-every 0 --steps 2 --out imported")
		args[len(args)-1] += string(rune('a' + i))
		code, _, stderr := inProcess(args...)
		if code != c.code || !strings.Contains(stderr, c.stderr) || c.stderr == "" && strings.Contains(stderr, "other classes") {
			t.Errorf("%s %q: exit code %d, stderr %q", c.key, c.value, code, stderr)
		}
		if _, err := os.Stat(args[len(args)-1]); (err == nil) != (c.code == exitOK) {
			t.Errorf("%s %q: the folder: %v", c.key, c.value, err)
		}
	}
}
