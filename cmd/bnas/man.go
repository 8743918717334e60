package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/wholefile"
)

func manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "write the manual pages", Flags: append(outputFlags(), textFlag("out", "the folder `DIR` of the pages", "required")),
		Description: "bnas man --out share/man/man1" +
			"\n\nThere is a page for bnas and one for each command, made from what --help shows.",
		Action: func(c *cli.Context) error {
			if err := needs(c, "out"); err != nil {
				return err
			}
			if err := beforeWork(); err != nil {
				return err
			}
			result := struct {
				Files []string `json:"files"`
			}{}
			if err := os.MkdirAll(c.String("out"), 0o777); err != nil {
				return err
			}
			for _, p := range manPages(c.App) {
				path := filepath.Join(c.String("out"), p.name+".1")
				if err := wholefile.Write(path, []byte(p.text)); err != nil {
					return err
				}
				result.Files = append(result.Files, path)
			}
			return output(c, result, func(w io.Writer) {
				fmt.Fprintf(w, "pages\t%d\nnext\t%s\n", len(result.Files), command("man", "-l", result.Files[0]))
			})
		},
	}
}

// page is a manual page: its name, such as bnas-train, and its text in the macros of man(7).
type page struct{ name, text string }

// manPages returns the page of bnas and of each command without subcommands.
func manPages(app *cli.App) []page {
	var commands strings.Builder
	var pages []page
	var names []string
	var walk func(words []string, list []*cli.Command)
	walk = func(words []string, list []*cli.Command) {
		for _, c := range list {
			at := append(slices.Clone(words), c.Name)
			if len(c.Subcommands) > 0 {
				walk(at, c.Subcommands)
				continue
			}
			p := manPage(at, c)
			pages, names = append(pages, p), append(names, p.name)
			fmt.Fprintf(&commands, ".TP\n\\fB%s\\fR(1)\n%s\n", roff(p.name), roffLines(c.Usage))
		}
	}
	walk([]string{app.Name}, app.Commands)
	head := page{app.Name, title(app.Name) +
		section("NAME") + roff(app.Name) + " \\- " + roff(app.Usage) + "\n" +
		section("SYNOPSIS") + "\\fBbnas\\fR \\fICOMMAND\\fR \\fR[\\fIFLAG\\fR…] [\\fIARGUMENT\\fR…]\n" +
		section("COMMANDS") + commands.String() + exitStatus() + variables() +
		section("SEE ALSO") + roff(strings.Join(names, "(1), ")+"(1)") + "\n"}
	return append([]page{head}, pages...)
}

// manPage is the page of a command.
func manPage(words []string, c *cli.Command) page {
	p := page{name: strings.Join(words, "-")}
	text, examples := splitDescription(c.Description)
	p.text = title(p.name) +
		section("NAME") + roff(p.name) + " \\- " + roff(c.Usage) + "\n" +
		section("SYNOPSIS") + "\\fB" + roff(strings.Join(words, " ")) + "\\fR [\\fIFLAG\\fR…] " + roff(c.ArgsUsage) + "\n" +
		section("EXAMPLES") + ".nf\n" + roffLines(examples) + "\n.fi\n"
	if text != "" {
		p.text += section("DESCRIPTION") + roffLines(text) + "\n"
	}
	p.text += section("OPTIONS") + flagSections(c) + exitStatus() + variables() + section("SEE ALSO") + "\\fBbnas\\fR(1)\n"
	return p
}

// splitDescription divides the description of a command into its text and its examples, which are first, and leaves out the exit codes.
func splitDescription(description string) (text, examples string) {
	description = strings.Replace(description, exitHelp, "", 1)
	examples, text, _ = strings.Cut(strings.TrimSpace(description), "\n\n")
	return text, examples
}

// flagSections lists the flags of a command by category.
func flagSections(c *cli.Command) string {
	var b strings.Builder
	for _, category := range c.VisibleFlagCategories() {
		b.WriteString(".SS " + roff(category.Name()) + "\n")
		for _, f := range category.Flags() {
			names, usage, _ := strings.Cut(flagHelp(f), "\t")
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR\n%s\n", roff(strings.TrimSpace(names)), roffLines(strings.TrimSpace(usage)))
		}
	}
	return b.String()
}

func exitStatus() string {
	var b strings.Builder
	b.WriteString(section("EXIT STATUS"))
	for line := range strings.Lines(exitHelp) {
		if code, meaning, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.Trim(code, digits) == "" {
			fmt.Fprintf(&b, ".TP\n%s\n%s\n", code, roff(strings.TrimSpace(meaning)))
		}
	}
	return b.String()
}

func variables() string {
	return section("ENVIRONMENT") + roffLines("A variable stands for a flag: BNAS_THREADS for --threads. The command line decides over it, and it decides over the file of --config. "+
		"With --run and --resume, variables of settings that a run keeps have no effect.") + "\n"
}

func title(name string) string {
	return fmt.Sprintf(".TH %s 1 \"\" \"bnas\" \"bnas\"\n.ad l\n.nh\n", strings.ToUpper(roff(name)))
}

func section(name string) string { return ".SH " + name + "\n" }

// roff escapes a text of one line.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ", "…", `\&...`, "'", `\(aq`, "`", "").Replace(text)
}

// roffLines escapes a text of several lines. A line does not begin with a character that would make it a request.
func roffLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = roff(line)
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + lines[i]
		}
		if line == "" {
			lines[i] = ".PP"
		}
	}
	return strings.Join(lines, "\n")
}
