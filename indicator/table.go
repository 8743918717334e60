package indicator

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// SkipByteOrderMark takes away the byte-order mark with which some editors begin a file, and reports whether there was one.
func SkipByteOrderMark(b *bufio.Reader) bool {
	mark, _ := b.Peek(len(byteOrderMark))
	if string(mark) != byteOrderMark {
		return false
	}
	_, _ = b.Discard(len(byteOrderMark))
	return true
}

// openTable reads the header of a CSV table. The reader reuses its record: a row is valid until the next one is read.
// A byte-order mark, CRLF and spaces around the names of columns are accepted. Errors name the file.
func openTable(r io.Reader, name string) (table *csv.Reader, header []string, err error) {
	b := bufio.NewReader(r)
	marked := SkipByteOrderMark(b)
	if mark, _ := b.Peek(2); !marked && (string(mark) == "\xff\xfe" || string(mark) == "\xfe\xff") {
		return nil, nil, fmt.Errorf("indicator: %s: written in UTF-16; save it as CSV in UTF-8", name)
	}
	if kind := binaryKind(b); kind != "" {
		return nil, nil, fmt.Errorf("indicator: %s: %s, not text; a CSV table is needed", name, kind)
	}
	table = csv.NewReader(&shortLines{from: b})
	table.ReuseRecord = true
	header, err = table.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("indicator: %s: empty", name)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("indicator: %s: %w", name, err)
	}
	for c, separator := range map[string]string{";": "semicolons", "\t": "tabs"} {
		if len(header) == 1 && strings.Contains(header[0], c) {
			return nil, nil, fmt.Errorf("indicator: %s: line 1: columns are separated by %s; save it with commas", name, separator)
		}
	}
	if slices.ContainsFunc(header, func(column string) bool { return strings.Contains(column, "\r") }) {
		return nil, nil, fmt.Errorf("indicator: %s: line 1: lines end in CR alone; save it with LF or CRLF", name)
	}
	header = slices.Clone(header)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	return table, header, nil
}

// mostNamed is the most columns that an error lists.
const mostNamed = 20

// columnList lists the columns of a table for an error.
func columnList(header []string) string {
	if more := len(header) - mostNamed; more > 0 {
		return fmt.Sprintf("%.60q and %d more", header[:mostNamed], more)
	}
	return fmt.Sprintf("%.60q", header)
}

// binaryKind names the kind of a file that is not text; it is "" for text. A table begins with names of columns, which have no
// control characters but the ends of lines and tabulators.
func binaryKind(b *bufio.Reader) string {
	head, _ := b.Peek(512)
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "a gzip archive"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "a ZIP archive or a workbook"
	}
	control := func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }
	if bytes.ContainsFunc(head, control) {
		return "a binary file"
	}
	return ""
}

// longestLine bounds the memory for a file that is no table.
const longestLine = 1 << 20

// shortLines is a Reader of lines of at most longestLine bytes.
type shortLines struct {
	from io.Reader
	line int // bytes since the last end of a line
}

func (s *shortLines) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if end := bytes.LastIndexByte(p[:n], '\n'); end >= 0 {
		s.line = n - 1 - end
	} else {
		s.line += n
	}
	if s.line > longestLine {
		return 0, fmt.Errorf("a line of more than %d KiB; is this a CSV table?", longestLine>>10)
	}
	return n, err
}
