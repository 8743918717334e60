package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestManPages: groff reads each page without a warning, and shows flags with their variables.
func TestManPages(t *testing.T) {
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("there is no groff")
	}
	app := newApp(os.Stdout, os.Stderr)
	var all strings.Builder
	for _, p := range manPages(app) {
		if strings.Count(p.text, ".TH ") != 1 {
			t.Errorf("%s has no title", p.name)
		}
		all.WriteString(p.text)
	}
	groff := exec.Command("groff", "-man", "-Tutf8", "-Kutf8", "-P-cbu", "-ww", "-Wbreak") // a long word is no mistake
	groff.Stdin = strings.NewReader(all.String())
	var warnings strings.Builder
	groff.Stderr = &warnings
	out, err := groff.Output()
	if err != nil || warnings.Len() > 0 {
		t.Errorf("groff: %v: %s", err, warnings.String())
	}
	for _, want := range []string{"BNAS-BENCH-STEP(1)", "--checkpoint-every", "[$BNAS_CHECKPOINT_EVERY]", "an architecture"} {
		if !strings.Contains(strings.ReplaceAll(string(out), "−", "-"), want) {
			t.Errorf("the pages have no %q", want)
		}
	}
}

// TestManPagesHaveEveryFlag: the page of a command has all that its help has.
func TestManPagesHaveEveryFlag(t *testing.T) {
	pages := map[string]string{}
	for _, p := range manPages(newApp(os.Stdout, os.Stderr)) {
		pages[p.name] = p.text
	}
	leaves(func(words []string, c *cli.Command) {
		for _, f := range c.Flags {
			if name := f.Names()[0]; !strings.Contains(pages["bnas-"+strings.Join(words, "-")], `\fB`+roff("--"+name)) {
				t.Errorf("the page of %q has no --%s", words, name)
			}
		}
	})
}
