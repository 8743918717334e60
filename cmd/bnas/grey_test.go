package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/philox"
	"bnas.example/safetensors"
)

// writeGrey writes IDX files of grey images, 8×8, of three classes.
func writeGrey(t *testing.T, dir string) {
	t.Helper()
	for split, n := range map[string]int{"train": 160, "t10k": 12} {
		images := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, uint32(n))
		images = append(images, 0, 0, 0, 8, 0, 0, 0, 8)
		labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(n))
		r := philox.New(4, split, 0)
		for i := range n {
			for range 64 {
				images = append(images, byte(r.Uint32()))
			}
			labels = append(labels, byte(i%3))
		}
		for name, content := range map[string][]byte{"images-idx3-ubyte": images, "labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, split+"-"+name), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// shapeOf returns the shape of a tensor in a file.
func shapeOf(t *testing.T, file, name string) []int {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Decode(content)
	if err != nil {
		t.Fatal(err)
	}
	x, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("%s has no %s", file, name)
	}
	return x.Shape
}

// TestOldGreyRun: from a run on tripled images, as earlier versions made it, without image_channels, come networks of three input
// channels.
func TestOldGreyRun(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	writeGrey(t, dir)
	succeeds(t, "run --data idx --data-dir . --image-channels 3 --channels 4 --cells 1 --batch 4 --steps 2 --rank-every 0 --holdout 130 --calibration 2 --max-evaluations 2 "+
		fewFlags+" --out old --quiet")
	config, err := os.ReadFile("old/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(config), "    image_channels: 3\n", "", 1)
	if without == string(config) {
		t.Fatalf("no image_channels in\n%s", config)
	}
	if err := os.WriteFile("old/config.yaml", []byte(without), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"export --run old all3x3 -o net.safetensors --calibration-images 8 --quiet",
		"retrain --from old --batch 4 --steps 1 --test-every 0 --out own --quiet",
		"export --run own/1 -o own.safetensors --quiet",
		"import net.safetensors --data idx --data-dir . --batch 4 --rank-every 0 --out imported --quiet",
		"export --run imported all3x3 -o imported.safetensors --calibration-images 8 --quiet",
	} {
		succeeds(t, command)
	}
	for _, file := range []string{"net.safetensors", "own.safetensors", "imported.safetensors"} {
		if got := shapeOf(t, file, "stem.0.weight"); !slices.Equal(got, []int{4, 3, 3, 3}) {
			t.Errorf("%s: the first convolution has shape %v", file, got)
		}
	}
}

// TestGreyImages: grey images go with one channel through the commands, from training to a network that comes back.
func TestGreyImages(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	writeGrey(t, dir)
	images := "--data idx --data-dir ."
	succeeds(t, "run "+images+" --channels 4 --cells 1 --batch 4 --steps 2 --rank-every 0 --holdout 130 --calibration 2 --max-evaluations 2 "+fewFlags+" --out r --quiet")
	for _, command := range []string{
		"score --run r --sample 1 --quiet",
		"eval --run r all3x3 --quiet",
		"ntk --run r all3x3 --quiet",
		"export --run r all3x3 -o net.safetensors --calibration-images 8 --quiet",
		"export --run r all3x3 -o net.onnx --calibration-images 8 --fold --quiet",
		"export --run r all3x3 -o module.py --calibration-images 8 --quiet",
		"import net.safetensors " + images + " --batch 4 --rank-every 0 --out imported --quiet",
		"retrain --from r --batch 4 --steps 2 --out own --quiet",
		"batches --run own/1 --count 1 -o batches.safetensors --quiet",
		"export --run imported all3x3 -o back.safetensors --calibration-images 8 --quiet",
	} {
		succeeds(t, command)
	}
	for _, c := range []struct {
		file, tensor string
		shape        []int
	}{
		{"net.safetensors", "stem.0.weight", []int{4, 1, 3, 3}},
		{"back.safetensors", "stem.0.weight", []int{4, 1, 3, 3}},
		{"batches.safetensors", "images.0", []int{4, 1, 8, 8}},
	} {
		if got := shapeOf(t, c.file, c.tensor); !slices.Equal(got, c.shape) {
			t.Errorf("%s: %s has shape %v, want %v", c.file, c.tensor, got, c.shape)
		}
	}
	module, err := os.ReadFile("module.py")
	if err != nil || !strings.Contains(string(module), "nn.Conv2d(1, 4, 3, padding=1, bias=False)") || !strings.Contains(string(module), "pixels: N×1×H×W") {
		t.Errorf("the module of PyTorch is not one for grey images (%v)", err)
	}

	x := make([]float32, 2*3*64)
	writeNpy(t, "grey.npy", "<f4", "2, 1, 8, 8", x[:2*64])
	writeNpy(t, "colour.npy", "<f4", "2, 3, 8, 8", x)
	writeNpy(t, "labels.npy", "<i8", "2,", []int64{0, 2})
	succeeds(t, "trace all3x3 --run r --images grey.npy --labels labels.npy -o trace --quiet")
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{"trace all3x3 --run r --images colour.npy --labels labels.npy -o no --quiet", "bnas: colour.npy: images are float32 [2 3 8 8], want float32 N×1×8×8\n", exitFailure},
		{"score --run r --image-channels 3 --sample 1", "bnas: --image-channels cannot be given here: the run in r has its own\n", exitUsage},
		{"import net.safetensors " + images + " --image-channels 3 --out no", "bnas: --image-channels 3: the network of net.safetensors has 1\n", exitUsage},
		{"train " + images + " --data-mean 1,2,3 --data-std 4,5,6 --out no", "bnas: data: idx: mean [1 2 3] and std [4 5 6]: the images have one channel; give one number of each\n", exitFailure},
	} {
		if code, _, stderr := line(c.line); code != c.code || stderr != c.want {
			t.Errorf("%s: exit code %d, %q, want %d, %q", c.line, code, stderr, c.code, c.want)
		}
	}
	if _, err := os.Stat("no"); err == nil {
		t.Error("a refused command has written")
	}
}
