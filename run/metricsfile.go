package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"bnas.example/internal/wholefile"
	"bnas.example/train"
)

// metricsFile reads the lines of a metrics file, also while they are written.
type metricsFile struct {
	*os.File
	lines *bufio.Reader
	part  []byte // of a line that is not whole yet
	read  int    // lines
}

func openMetrics(path string) (*metricsFile, error) {
	f, err := wholefile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &metricsFile{File: f, lines: bufio.NewReader(f)}, nil
}

// rewind goes back to the first line.
func (m *metricsFile) rewind() error {
	if _, err := m.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	m.lines.Reset(m.File)
	m.part, m.read = nil, 0
	return nil
}

// metricHead is what the lines of a metrics file have in common.
type metricHead struct {
	Kind string
	Time *train.Time // nil: the line has none
}

// each calls do with the head and the text of each line that has come since the last call. It ends with its error. A last line without
// an end is being written, and waits for the next call.
func (m *metricsFile) each(do func(of metricHead, line []byte) error) error {
	for {
		more, err := m.lines.ReadBytes('\n')
		m.part = append(m.part, more...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		line := m.part
		m.part = nil
		m.read++
		var of metricHead
		if err := json.Unmarshal(line, &of); err != nil {
			return fmt.Errorf("metrics: %s: line %d: %w; take the line away", m.Name(), m.read, err)
		}
		if err := do(of, line); err != nil {
			return fmt.Errorf("metrics: %s: line %d: %w", m.Name(), m.read, err)
		}
	}
}
