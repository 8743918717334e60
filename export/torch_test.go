package export

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/safetensors"
	"bnas.example/supernet"
)

// metadata of a sample.
func metadata(s sample) map[string]string {
	return map[string]string{"arch": s.dict.Program.Name, "space": "nas-bench-201", "bn": "standard", "classes": "3"}
}

// TestTorchFile compares the file of a small network with the one that is kept; with BNAS_UPDATE=1 it writes it. Edge 2<-1 has a convolution
// without a path to the logits.
func TestTorchFile(t *testing.T) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Standard, Cells: 2, Channels: 2, Height: 4, Width: 4, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	a, err := net.Space.Parse("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|none~2|")
	if err != nil {
		t.Fatal(err)
	}
	s := ofArch(t, net, a, 1)
	code, err := Torch(s.dict, metadata(s), "net.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/net.py"
	if os.Getenv("BNAS_UPDATE") != "" {
		if err := os.WriteFile(golden, code, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(code, kept) {
		t.Errorf("the file is not %s; BNAS_UPDATE=1 go test ./export writes it anew:\n%s", golden, code)
	}
}

// entries are the lines that make a module.
var entries = regexp.MustCompile(`(?m)^            "([^"]+)": nn\.`)

// TestTorchModules: the classes together make each module of the state dict.
func TestTorchModules(t *testing.T) {
	ofSpaces(t, func(t *testing.T, net *supernet.Net, a supernet.Arch) {
		s := ofArch(t, net, a, 1)
		code, err := Torch(s.dict, metadata(s), "net.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		var made, want []string
		for _, class := range strings.Split(string(code), "\n\nclass ")[1:] {
			cells := []string{""}
			if head, rest, _ := strings.Cut(class, "\n"); strings.HasPrefix(rest, `    """`) && !strings.HasPrefix(head, "Named") {
				line, _, _ := strings.Cut(rest, "\n")
				cells = strings.Split(strings.Trim(line, ` "`), ", ")
			}
			for _, m := range entries.FindAllStringSubmatch(class, -1) {
				for _, cell := range cells {
					made = append(made, strings.TrimPrefix(cell+"."+m[1], "."))
				}
			}
		}
		for _, m := range s.dict.Modules {
			want = append(want, m.Name)
		}
		slices.Sort(made)
		slices.Sort(want)
		if !slices.Equal(made, want) {
			t.Errorf("%s: modules %v, want %v", s.dict.Program.Name, made, want)
		}
	})
}

// TestTorchWithoutCells: where two cells need each other's results, there are no classes.
func TestTorchWithoutCells(t *testing.T) {
	p, params, err := supernet.Build("crossed", kernels.Shape{C: 3, H: 4, W: 4}, func(b *supernet.Builder) {
		x := b.Images()
		for _, name := range []string{"a.0.conv.0", "a.1.conv.0", "a.0.conv.1"} {
			x = b.Sum(name, b.BN(name+".bn", b.Conv(name, x, kernels.ReLU, supernet.Conv{Out: 2, Window: kernels.Window{Kernel: 1}})))
		}
		b.Linear("classifier", b.Sum("pool", b.Bare(b.GlobalAvg("pool", x, kernels.Linear))), 2)
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &kerneltest.Case{Program: p, Params: params, N: 1, Batch: 1, Images: make([]float32, 48)}
	for _, q := range params {
		c.Data = append(c.Data, make([]float32, q.Len()))
	}
	s := ofCase(t, c, 1)
	for i := range s.dict.Modules {
		m := &s.dict.Modules[i]
		m.Name = strings.TrimSuffix(params[m.Param].Name, ".weight")
	}
	code, err := Torch(s.dict, metadata(s), "net.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(code), "class A0") || !strings.Contains(string(code), `self["a.0.conv.1"](F.relu(`) {
		t.Errorf("the classes of cells that need each other:\n%s", code)
	}
}

// python runs a program of Python with files of a folder.
func python(t *testing.T, folder, program string) {
	t.Helper()
	cmd := exec.Command("python3", "-c", program)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// writeTorch writes Python files with weights, images and logits: of every space, and of random Programs.
func writeTorch(t *testing.T) (folder string, networks int) {
	t.Helper()
	folder = t.TempDir()
	write := func(t *testing.T, s sample) bool {
		t.Helper()
		name := fmt.Sprintf("net%d", networks)
		code, err := Torch(s.dict, metadata(s), name+".safetensors")
		if err != nil {
			if strings.Contains(err.Error(), "no average pool") {
				return false
			}
			t.Fatal(err)
		}
		networks++
		var weights bytes.Buffer
		if err := Safetensors(&weights, s.dict, metadata(s)); err != nil {
			t.Fatal(err)
		}
		for ending, content := range map[string][]byte{".py": code, ".safetensors": weights.Bytes(), ".json": s.json(t)} {
			if err := os.WriteFile(filepath.Join(folder, name+ending), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		return true
	}
	ofSpaces(t, func(t *testing.T, net *supernet.Net, a supernet.Arch) {
		if !write(t, ofArch(t, net, a, 2)) {
			t.Error("an architecture of a space was not written")
		}
	})
	for seed := range uint64(100) {
		write(t, ofCase(t, kerneltest.Random(seed), seed))
	}
	if networks < 100 {
		t.Errorf("only %d networks were written", networks)
	}
	return folder, networks
}

// TestTorchParses: Python compiles every file.
func TestTorchParses(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	folder, _ := writeTorch(t)
	python(t, folder, `
import glob
for name in glob.glob("*.py"):
    compile(open(name, encoding="utf-8").read(), name, "exec")
`)
}

// TestTorchLogits: the network of every file loads its weights strictly and computes the logits.
func TestTorchLogits(t *testing.T) {
	if exec.Command("python3", "-c", "import torch, safetensors").Run() != nil {
		t.Skip("python3 has no torch and safetensors; scripts/with-torch.sh runs a command with them")
	}
	folder, networks := writeTorch(t)
	python(t, folder, fmt.Sprintf(`
import importlib, json, sys, torch
sys.path.insert(0, "")
for i in range(%d):
    network, about = importlib.import_module(f"net{i}").load()
    case = json.load(open(f"net{i}.json", encoding="utf-8"))
    images = torch.tensor(case["images"], dtype=torch.float64).reshape(case["shape"])
    want = torch.tensor(case["logits"], dtype=torch.float64)
    logits = network.double()(images)
    assert list(logits.shape) == [case["shape"][0], want.numel() // case["shape"][0]], case["arch"]
    deviation = (logits.flatten() - want).abs().max().item() / max(want.abs().max().item(), 1e-3)
    assert deviation < 2e-5, (i, case["arch"], deviation)
    assert about["arch"] == case["arch"]
`, networks))
}

// TestSafetensors: the file has the arrays of the state dict, and a counter for each BatchNorm.
func TestSafetensors(t *testing.T) {
	s := ofCase(t, kerneltest.Random(1), 1)
	var b bytes.Buffer
	if err := Safetensors(&b, s.dict, metadata(s)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Decode(b.Bytes())
	if err != nil || f.Metadata["format"] != "pt" || f.Metadata["arch"] != s.dict.Program.Name {
		t.Fatalf("metadata %v, %v", f.Metadata, err)
	}
	arrays := 0
	for _, m := range s.dict.Modules {
		for _, a := range []supernet.Array{m.Weight, m.Bias, m.Mean, m.Variance} {
			if a.Name == "" {
				continue
			}
			arrays++
			found, _ := f.Tensor(a.Name)
			if v, err := found.Float32s(); err != nil || !slices.Equal(v, a.Values) || !slices.Equal(found.Shape, a.Shape) {
				t.Errorf("%s: %v, %v", a.Name, found.Shape, err)
			}
		}
	}
	if want := arrays + len(s.dict.Program.BNs); len(f.Tensors) != want {
		t.Errorf("%d tensors, want %d", len(f.Tensors), want)
	}
}
