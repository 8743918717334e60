//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const addingPage = "../../docs/adding.md"

// A listing of a page is code on lines of its own.
type listing struct {
	file string // the file to write, if the text before says so
	code string
}

// listings reads the code of a page: blocks of lines that are indented by at least four spaces.
func listings(page string) (all []listing) {
	write := regexp.MustCompile("Write `([^` ]+\\.[a-z]+)`")
	var file string
	var block []string
	end := func() {
		code := strings.TrimRight(strings.Join(block, "\n"), "\n") + "\n"
		if len(block) > 0 {
			indent := len(code) - len(strings.TrimLeft(code, " "))
			code = strings.ReplaceAll("\n"+code, "\n"+strings.Repeat(" ", indent), "\n")[1:]
			all = append(all, listing{file, code})
			file = ""
		}
		block = nil
	}
	for _, line := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(line, "    "), line == "" && len(block) > 0:
			block = append(block, line)
		default:
			end()
			if m := write.FindStringSubmatch(line); m != nil {
				file = m[1]
			}
		}
	}
	end()
	return all
}

// listed returns the code of the page that has a text in its first line.
func listed(t *testing.T, page, first string) listing {
	t.Helper()
	for _, l := range listings(page) {
		if line, _, _ := strings.Cut(l.code, "\n"); strings.Contains(line, first) {
			return l
		}
	}
	t.Fatalf("%s: no code begins with %s", addingPage, first)
	return listing{}
}

// copyOfSource is the source of bnas with additions: a file of go's option -overlay.
type copyOfSource struct {
	dir     string
	Replace map[string]string
}

// write adds a file of the repository, or replaces it.
func (c *copyOfSource) write(t *testing.T, file, text string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(c.dir, strings.ReplaceAll(file, "/", "+"))
	if err := os.WriteFile(to, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c.Replace[filepath.Join(root, file)] = to
}

// insert adds a line to the end of a list in a file: the first that ends with the line end behind the text list.
func (c *copyOfSource) insert(t *testing.T, file, list, end, line string) {
	t.Helper()
	text := readPage(t, filepath.Join("../..", file))
	from := strings.Index(text, list)
	if from < 0 {
		t.Fatalf("%s has no %s", file, list)
	}
	at := from + strings.Index(text[from:], end)
	c.write(t, file, text[:at]+"\n"+strings.TrimSuffix(line, "\n")+text[at:])
}

// do runs a command of go over the source with its additions.
func (c *copyOfSource) do(t *testing.T, command string, arguments ...string) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(c.dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o666); err != nil {
		t.Fatal(err)
	}
	run := exec.Command("go", append([]string{command, "-overlay", overlay}, arguments...)...)
	run.Dir = "../.."
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("go %s %s: %v\n%s", command, strings.Join(arguments, " "), err, out)
	}
}

// TestAdding follows the walks of a term, a command and a search space. A space needs its file and a line of the registry.
func TestAdding(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles bnas")
	}
	page := readPage(t, addingPage)
	for _, said := range []string{
		"Add a row to the table `terms` in `indicator/terms.go`",
		"Add `sizeCommand()` to the list in `newApp` in `cmd/bnas/app.go`",
		"Add two cases to `commandCases` in `cmd/bnas/commands_test.go`",
		"Add `newFourLayers(),` at the end of `spaces` in `supernet/registry.go`",
	} {
		if !strings.Contains(page, said) {
			t.Fatalf("%s does not say: %s", addingPage, said)
		}
	}
	c := &copyOfSource{dir: t.TempDir(), Replace: map[string]string{}}
	files := 0
	for _, l := range listings(page) {
		if strings.HasPrefix(l.code, "package ") && l.file != "kernels/mine/mine_test.go" {
			c.write(t, l.file, l.code)
			files++
		}
	}
	if files != 5 {
		t.Fatalf("%d files of Go, want a term, a space, their tests, and a command", files)
	}
	c.insert(t, "indicator/terms.go", "var terms =", "\n}", listed(t, page, `{"beta_mean",`).code)
	c.insert(t, "cmd/bnas/app.go", "Commands: []*cli.Command{", "\n\t\t},", "sizeCommand(),")
	c.insert(t, "cmd/bnas/commands_test.go", "var commandCases =", "\n}", listed(t, page, "{args: ").code)
	c.insert(t, "supernet/registry.go", "var spaces =", "\n\t}", "newFourLayers(),")

	c.do(t, "test", "-vet=off", "./indicator", "-run", "BetaMean|GaugeInvariance")
	c.do(t, "test", "-vet=off", "./supernet", "-run", "FourLayers|About|TextRoundTrip/four-layers|Programs/four-layers|Variation")
	// The test program is bnas if that is its name.
	bnas := filepath.Join(c.dir, "bnas")
	c.do(t, "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", bnas+".test", "./cmd/bnas")
	if err := os.Symlink(bnas+".test", bnas); err != nil {
		t.Fatal(err)
	}
	tests := exec.Command(bnas+".test", "-test.run", "EveryCommand|Commands/size")
	if out, err := tests.CombinedOutput(); err != nil {
		t.Fatalf("the tests of cmd/bnas: %v\n%s", err, out)
	}
	small := " --channels 4 --height 8 --width 8 --images 8 --ntk-images 2"
	for _, line := range []string{
		"score all3x3 --terms beta_mean --cells 1" + small,
		"size --space four-layers",
		"score conv3-skip-conv1-conv3 --space four-layers --image-channels 1 --terms params,naswot" + small,
		"run --space four-layers --steps 2 --batch 4 --rank-every 0 --calibration 3 --max-evaluations 4 --out run" + small,
		"export conv3-skip-conv1-conv3 --run run --calibration-images 8 -o net.py",
		"retrain --index 80 --space four-layers --channels 4 --batch 4 --steps 2 --test-images 8 --out alone",
	} {
		run := exec.Command(bnas, strings.Fields(line)...)
		run.Dir = c.dir
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("bnas %s: %v\n%s", line, err, out)
		}
	}
}
