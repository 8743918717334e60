package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// console is stdout or stderr. It escapes control characters, because a name of a file or an architecture must not command
// the terminal. It keeps a line of progress below all other output, and remembers the first error of a write.
type console struct {
	mu  sync.Mutex
	w   io.Writer
	bar bool // a line of progress is shown
	err error
}

// eraseLine returns to the first column and clears the line.
const eraseLine = "\r\x1b[K"

func (o *console) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	o.put(printable(string(b)))
	return len(b), o.err
}

// line shows a line of progress in place of the last one; "" clears it. The text must fit the width.
func (o *console) line(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	if text != "" {
		o.put(eraseLine + printable(text))
		o.bar = true
	}
}

func (o *console) clear() {
	if o.bar {
		o.put(eraseLine)
		o.bar = false
	}
}

func (o *console) put(text string) {
	if o.err == nil {
		_, o.err = io.WriteString(o.w, text)
	}
}

// failed returns the first error of a write.
func (o *console) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// widthOf returns the columns of the terminal behind a writer, or 0 if there is none.
func widthOf(w io.Writer) int {
	if o, ok := w.(*console); ok {
		w = o.w
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80 // a terminal that does not know its size
}

// printable escapes the characters that command a terminal, except the end of a line and the tabulator. The escapes are
// those of JSON, so that JSON stays the same; a byte that is no UTF-8 becomes \x and two digits.
func printable(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, commands) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case commands(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(text[:n])
		}
		text = text[n:]
	}
	return b.String()
}

// commands reports whether a terminal may act on a character: a control character, or one that turns the direction of text.
func commands(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u2028' || r == '\u2029'
}

// oneLine joins the lines of a text.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// cut shortens a text to a number of columns. Each character counts as one column.
func cut(text string, columns int) string {
	if utf8.RuneCountInString(text) <= columns {
		return text
	}
	if columns < 1 {
		return ""
	}
	return string([]rune(text)[:columns-1]) + "…"
}
