//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"bnas.example/supernet"
)

// An example is a command line in the help of a command, or a line of its own in a page. Each is executed by a shell, with a
// small network and few images. A page also mentions commands within its text; these are checked for their command and flags.

// TestExamples executes the examples in the help of each command, and those of the pages.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains a dozen networks")
	}
	p := prepareExamples(t)
	t.Run("help", func(t *testing.T) { examplesOfHelp(t, p) })
	t.Run("pages", func(t *testing.T) { examplesOfPages(t, p) })
}

func examplesOfHelp(t *testing.T, p prepared) {
	leaves(func(words []string, c *cli.Command) {
		var lines []string
		for _, line := range strings.Split(c.Description, "\n") {
			if strings.HasPrefix(line, "bnas ") {
				lines = append(lines, line)
			}
		}
		name := strings.Join(words, " ")
		if len(lines) == 0 || !strings.HasPrefix(lines[0], "bnas ") {
			t.Errorf("the help of %s has no example", name)
		}
		t.Run(name, func(t *testing.T) { p.execute(t, lines) })
	})
}

// pages are the documents whose examples are tested.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(found) == 0 {
		t.Fatal("no docs", err)
	}
	return append(found, "../../README.md", "../../CHANGELOG.md", "../../CONTRIBUTING.md")
}

// block is an example on a line of its own; a comment may follow.
var block = regexp.MustCompile(`(?m)^ {4,}(?:\$ )?(?:go run \./cmd/bnas|\./bnas|bin/bnas|bnas) (.*?)(?: {2,}# .*)?$`)

// variable is one of the shell that the examples of a page use.
var variable = regexp.MustCompile(`(?m)^ {4,}([A-Z]+)="(.*)"$`)

// inline is a command in the text.
var inline = regexp.MustCompile("`(?:bin/)?(bnas [^`]*)`")

func examplesOfPages(t *testing.T, p prepared) {
	executed := 0
	for _, page := range pages(t) {
		var lines []string
		text := readPage(t, page)
		for _, m := range variable.FindAllStringSubmatch(text, -1) {
			text = strings.ReplaceAll(text, "$"+m[1], m[2])
		}
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			lines = append(lines, "bnas "+m[1])
		}
		executed += len(lines)
		if len(lines) > 0 {
			t.Run(filepath.Base(page), func(t *testing.T) { p.execute(t, lines) })
		}
	}
	if executed < 6 {
		t.Errorf("only %d examples were found", executed)
	}
}

// notYet are commands and terms of docs/adding.md, which the reader is to write.
var notYet = []string{"bnas size", "bnas score --terms beta_mean ARCH"}

// TestMentionsOfPages checks the command and the flags of each command in a text.
func TestMentionsOfPages(t *testing.T) {
	app := newApp(os.Stdout, os.Stderr)
	mentions := 0
	for _, page := range pages(t) {
		for _, m := range inline.FindAllStringSubmatch(readPage(t, page), -1) {
			if slices.Contains(notYet, m[1]) {
				continue
			}
			mentions++
			if problem := mention(app, strings.Fields(m[1])[1:]); problem != "" {
				t.Errorf("%s: %s: %s", page, m[1], problem)
			}
		}
	}
	if mentions < 20 {
		t.Errorf("only %d mentions were found", mentions)
	}
	if problem := mention(app, []string{"train", "--epoch", "2"}); problem == "" {
		t.Error("a wrong flag is not found")
	}
}

func mention(app *cli.App, words []string) string {
	commands, flags := app.Commands, app.Flags
	for _, w := range words {
		if name, ok := strings.CutPrefix(w, "--"); ok {
			name, _, _ = strings.Cut(name, "=")
			if !slices.ContainsFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }) && name != "help" {
				return "there is no flag " + w
			}
			continue
		}
		if len(commands) == 0 {
			continue // an argument or the value of a flag
		}
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(w) })
		if i < 0 {
			return "there is no command " + w
		}
		commands, flags = commands[i].Subcommands, commands[i].Flags
	}
	return ""
}

// sixLayers is the file that docs/adding.md makes.
const sixLayers = "six-layers.yaml"

// prepared is a home with data sets, and a folder with the files that examples read.
type prepared struct{ home, files string }

func prepareExamples(t *testing.T) prepared {
	p := prepared{t.TempDir(), t.TempDir()}
	writeCIFAR(t, filepath.Join(p.home, "cifar-10-batches-bin"))
	for i := range 240 {
		dir := filepath.Join(p.home, "pictures", string(rune('a'+i%3)))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		writePNG(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), uint64(i))
	}
	writeBatch(t, p.files)
	var table bytes.Buffer
	table.WriteString("arch,test_accuracy\n")
	space, err := supernet.Lookup("nas-bench-201")
	if err != nil {
		t.Fatal(err)
	}
	s := space.(supernet.Ordered)
	for i := range s.Size() {
		fmt.Fprintf(&table, "%s,%d\n", s.Format(s.At(i)), i*7919%10007)
	}
	if err := os.WriteFile(filepath.Join(p.files, "nasbench201_cifar10.csv"), table.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	genotypes, accuracies := "", "arch,accuracy\n"
	for i, op := range []string{"sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3", "skip_connect"} {
		cell := strings.Repeat("('"+op+"', 0), ('dil_conv_3x3', 1), ", 4)
		cell = "[" + strings.TrimSuffix(cell, ", ") + "]"
		g := fmt.Sprintf("Genotype(normal=%s, normal_concat=range(2, 6), reduce=%[1]s, reduce_concat=range(2, 6))", cell)
		genotypes += g + "\n"
		accuracies += fmt.Sprintf("%q,%d\n", g, 90+i)
	}
	for name, text := range map[string]string{
		"networks.txt":               "00000000\n11111111\n22222222\n01201201\n",
		"nasbench_macro_cifar10.csv": "arch,test_accuracy\n00000000,45\n11111111,90\n22222222,92\n01201201,85\n",
		"genotypes.txt":              genotypes,
		"darts.csv":                  accuracies,
		sixLayers:                    listed(t, readPage(t, addingPage), "name: six-layers").code,
		"sets.yaml":                  "sets:\n- {space: nas-bench-201, scores: fair, table: nasbench201_cifar10.csv}\n",
		"archs.txt":                  "all3x3\nmixed\n0\n1\n",
		"cells.txt":                  "11|1|3\n11|1|1\n11|1|m\n110|01|1|3m\n",
		"nasbench101_5k_cifar10.csv": "hash,adjacency,ops,valid_accuracy\na,11|1,3,90\nb,11|1,1,80\nc,11|1,m,70\nd,110|01|1,3m,85\n",
	} {
		if err := os.WriteFile(filepath.Join(p.files, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	p.shell(t, p.files, "bnas train --out runs/fair --steps 2 --quiet --cells 1 "+smallTrain)
	p.shell(t, p.files, "bnas train --out runs/standard --steps 1 --quiet --bn standard --cells 1 "+smallTrain)
	p.shell(t, p.files, "bnas export all3x3 --run runs/fair --calibration-images 8 --quiet -o net.safetensors")
	return p
}

// writeCIFAR writes a data set of random images in the binary version of CIFAR-10.
func writeCIFAR(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	const record, records = 3073, 10000
	b := make([]byte, record*records)
	rand.NewChaCha8([32]byte{}).Read(b)
	for i := range records {
		b[i*record] %= 10
	}
	first := filepath.Join(dir, "data_batch_1.bin")
	if err := os.WriteFile(first, b, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"} {
		if err := os.Link(first, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// These settings are added to an example, so that it takes a second.
const (
	smallSizes = "--channels 4 --height 8 --width 8"
	smallTrain = "--channels 4 --batch 4 --rank-every 0 --seed 1" // 50,000 images are not resized in a second
	smallScore = "--images 8 --ntk-images 2"
)

// long are settings of examples that take long, and their replacements. The placeholders of the pages are here too. Each command
// that loads the 50,000 images of CIFAR-10 takes a second: only the examples that name their folder do.
var long = strings.NewReplacer("--epochs 8", "--steps 2", "--epochs 4", "--steps 2", "--epochs 2", "--steps 4", "--epochs 5", "--steps 2", "--sample 1000", "--sample 12", "--sample 100", "--sample 12", "--latency-batch 16", "--latency-batch 2", "--sample 2500", "--sample 12", "--sample 2100", "--sample 12", "--sample 300", "--sample 4", "--sample 400", "--sample 4", "--sample 600", "--sample 4", "--repeats 50", "--repeats 2", "--repeats 4", "--repeats 2", "--sample 64", "--sample 2", "--steps 300", "--steps 4", "--steps 600", "--steps 4",
	"--sample 5", "--sample 2", "--validation-images 2000", "--validation-images 20", "--batch 256", "--batch 8", "--batch 64", "--batch 2", "--batch 32", "--batch 2",
	"--finalists 8 --finalist-epochs 3", "--finalists 1 --finalist-epochs 1 --holdout 7900", "--data cifar10 --data-dir DIR", "--data fashion", " ARCH…", " all3x3 mixed")

// small returns an example with the settings that make it small.
func small(line string) string {
	line = long.Replace(line)
	words := strings.Fields(line)
	has := func(flag string) bool { return slices.Contains(words, flag) }
	add := func(more string) { line += " " + more }
	trained := has("--run") || has("--resume")
	sizes := smallSizes
	cells := " --cells 1"
	if has("nas-bench-macro") || has(sixLayers) {
		cells = ""
	}
	sizes += cells
	switch words[1] {
	case "run", "train":
		if !trained {
			add(smallTrain + cells)
		}
		if !trained && !has("--steps") {
			add("--steps 4")
		}
		if !trained && words[1] == "run" {
			add(smallScore + " --calibration 3 --max-evaluations 4")
		}
	case "retrain":
		if !trained {
			add("--channels 2 --batch 4 --steps 2 --test-images 8" + cells)
		}
	case "score", "search":
		add(smallScore)
		if !trained {
			add(sizes)
		}
		switch {
		case has("te-nas"):
			add("--repeats 1 --prune 3")
		case words[1] == "search":
			add("--calibration 3 --max-evaluations 4")
		}
	case "plan":
		add(sizes)
	case "eval", "export", "trace":
		add("--calibration-images 8")
		if !trained {
			add(sizes)
		}
	case "import":
		add("--batch 4 --rank-every 0")
		if !has("--steps") {
			add("--steps 4")
		}
	case "study":
		switch {
		case has("ntk"):
			add(sizes + " --channels 2 --steps 2 --seeds 1 --networks 10 --ntk-images 2")
		case has("--quick"), has("--table"):
			add(sizes + " --batch 4 --steps 2 --seeds 1 --networks 10 " + smallScore)
		}
	case "serve":
		line = "timeout --foreground --preserve-status -s INT 1 " + line
	case "ntk":
		add("--ntk-images 2")
	case "correlate":
		add("--resamples 5")
	case "bench":
		add(sizes + " --warmup 0")
		if !has("--repeats") {
			add("--repeats 1")
		}
		if words[2] == "score" {
			add(smallScore)
		}
	}
	return line
}

// execute runs the examples of one page in a copy of the prepared folder.
func (p prepared) execute(t *testing.T, lines []string) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(p.files)); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		words := strings.Fields(line)
		if i := slices.Index(words, "--out"); i > 0 && i+1 < len(words) && (words[1] == "run" || words[1] == "train") {
			os.RemoveAll(filepath.Join(dir, words[i+1])) // the prepared run would be in the way
		}
		p.shell(t, dir, small(line))
	}
}

func (p prepared) shell(t *testing.T, dir, line string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+p.home)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", line, err, out)
	}
}
