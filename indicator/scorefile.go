package indicator

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"bnas.example/internal/wholefile"
)

// ScoreWriter writes a score file row by row.
type ScoreWriter struct {
	table  *csv.Writer
	layout *scoreLayout
}

// NewScoreWriter writes the first line of a score file of a number of repeats.
func NewScoreWriter(w io.Writer, repeats int) (*ScoreWriter, error) {
	layout, err := newScoreLayout(ScoreColumns(repeats))
	if err != nil {
		return nil, err
	}
	out := &ScoreWriter{csv.NewWriter(w), layout}
	return out, out.table.Write(layout.columns)
}

// Write writes a row. It may reach the file with Flush only.
func (o *ScoreWriter) Write(s Scores) error { return o.table.Write(o.layout.row(s)) }

// Flush writes what Write has kept.
func (o *ScoreWriter) Flush() error {
	o.table.Flush()
	return o.table.Error()
}

// csvLine returns the line of a record.
func csvLine(record []string) []byte {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write(record) // a bytes.Buffer takes every write
	out.Flush()
	return b.Bytes()
}

// ScoreFile is the table of a score file that grows.
type ScoreFile struct {
	*ScoreTable
	file *os.File
}

// OpenScores opens a score file of a number of repeats for appending, or makes one. It reads all rows once, with the errors of
// [ReadScores], and cuts off an unfinished last line. It is an error if the file's columns are not those of this program. A
// file of an older version without the column of checks is continued without it.
func OpenScores(path string, repeats int) (*ScoreFile, error) {
	file, err := wholefile.OpenGrowing(path)
	if err != nil {
		return nil, fmt.Errorf("indicator: scores: %w", err)
	}
	f := &ScoreFile{newScoreTable(file, path), file}
	if err := f.open(ScoreColumns(repeats)); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

// open reads the rows of the file and cuts off an unfinished last line. An empty file gets its first line. The file stays as
// it is after an error in what it has.
func (f *ScoreFile) open(columns []string) error {
	size, err := wholeLines(f.file)
	if err != nil {
		return fmt.Errorf("indicator: scores: %w", err)
	}
	if size > 0 {
		if err := f.read(size); err != nil {
			return err
		}
		first, err := bufio.NewReader(io.NewSectionReader(f.file, 0, size)).ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("indicator: scores: %w", err)
		}
		old := columns[:len(columns)-1] // all but the check
		if !bytes.Equal(first, csvLine(columns)) && !bytes.Equal(first, csvLine(old)) {
			return fmt.Errorf("indicator: %s: written with other terms or repeats than these; it cannot be continued", f.name)
		}
	}
	if err := f.file.Truncate(size); err != nil {
		return fmt.Errorf("indicator: scores: %w", err)
	}
	if size > 0 {
		return nil
	}
	if f.layout, err = newScoreLayout(columns); err != nil {
		return err
	}
	return f.append(csvLine(columns))
}

// wholeLines returns the size of a file without an unfinished last line.
func wholeLines(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	part := make([]byte, 1<<16)
	for end := info.Size(); end > 0; {
		from := max(end-int64(len(part)), 0)
		n, err := file.ReadAt(part[:end-from], from)
		if err != nil {
			return 0, err
		}
		if at := bytes.LastIndexByte(part[:n], '\n'); at >= 0 {
			return from + int64(at) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// Write appends one row in one write. After an error (a full disk) the file ends with the row before. The caller does not write
// an architecture that the file has.
func (f *ScoreFile) Write(s Scores) error {
	place := f.size
	if err := f.append(csvLine(f.layout.row(s))); err != nil {
		return err
	}
	f.note(s.Arch, place)
	return nil
}

func (f *ScoreFile) append(line []byte) error {
	if _, err := f.file.WriteAt(line, f.size); err != nil {
		return fmt.Errorf("indicator: scores: %w", errors.Join(err, f.file.Truncate(f.size)))
	}
	f.size += int64(len(line))
	return nil
}

// Sync waits until all rows are on the disk. It is an error if the path leads to another file now, or to none: the rows are lost then.
func (f *ScoreFile) Sync() error {
	own, err := f.file.Stat()
	now, gone := os.Stat(f.file.Name())
	if errors.Is(gone, fs.ErrNotExist) || err == nil && gone == nil && !os.SameFile(own, now) {
		return fmt.Errorf("indicator: scores: %s was removed, moved or replaced while scores were written to it; the new ones are lost", f.file.Name())
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("indicator: scores: %w", err)
	}
	return nil
}

// Close syncs and closes the file.
func (f *ScoreFile) Close() error { return errors.Join(f.file.Sync(), f.file.Close()) }
