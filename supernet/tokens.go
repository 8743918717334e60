package supernet

import (
	"fmt"
	"strings"
)

// tokens reads the text of an architecture from the left. Its first error names the wrong token and its position, in
// bytes from 1. After an error it reads nothing more.
type tokens struct {
	space, text string
	at, start   int // the next byte; where the last token started
	err         error
}

// expect reads one fixed piece of text.
func (t *tokens) expect(want string) {
	t.start = t.at
	if t.err == nil && !strings.HasPrefix(t.text[t.at:], want) {
		t.fail(t.peek(), "%q", want)
	}
	t.at = min(t.at+len(want), len(t.text))
}

// until reads up to any of the bytes in stop.
func (t *tokens) until(stop string) string {
	t.start = t.at
	rest := t.text[t.at:]
	if i := strings.IndexAny(rest, stop); i >= 0 {
		rest = rest[:i]
	}
	t.at += len(rest)
	return rest
}

// spaces skips white space.
func (t *tokens) spaces() {
	t.at += len(t.text[t.at:]) - len(strings.TrimLeft(t.text[t.at:], " \t\r\n"))
}

// next reports whether a piece of text follows.
func (t *tokens) next(text string) bool { return strings.HasPrefix(t.text[t.at:], text) }

// option returns the index of the last token among the options.
func (t *tokens) option(token string, options []string) int {
	for i, o := range options {
		if token == o {
			return i
		}
	}
	t.fail(token, "one of %s", strings.Join(options, ", "))
	return 0
}

// end records an error if more text follows.
func (t *tokens) end() {
	t.start = t.at
	if t.at < len(t.text) {
		t.fail(t.text[t.at:], "the end")
	}
}

func (t *tokens) peek() string {
	for i := range t.text[t.at:] {
		if i > 0 {
			return t.text[t.at : t.at+i]
		}
	}
	return t.text[t.at:]
}

func (t *tokens) fail(got, want string, args ...any) {
	if t.err != nil {
		return
	}
	if len(got) > 40 {
		got = got[:40] + "…"
	}
	what := fmt.Sprintf("found %q", got)
	if got == "" {
		what = "found nothing"
	}
	t.err = fmt.Errorf("supernet: %s: architecture, byte %d: %s, want %s", t.space, t.start+1, what, fmt.Sprintf(want, args...))
}
