package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"

	"bnas.example/kernels"
)

// A checkpoint holds the parameters that a run can update, their optimizer slots and the scheduler's position, and
// nothing that depends on the time or the number of threads. Frozen weights are not stored: they follow from the seed.
// All numbers are little-endian:
//
//	 0  8  magic "bnasckpt"
//	 8  4  format version
//	12  4  h, length of the header
//	16  8  d, length of the arrays
//	24  h  header, JSON: type header
//	..  d  the arrays, float32, in the header's order
//	..  32 SHA-256 of all before it, in every version
type checkpoint struct {
	header
	values [][]float32 // of header.Arrays
	was    int         // the steps of the whole run before it was extended
}

// header is the JSON part of a checkpoint.
type header struct {
	Device        string // where the values come from (deviceOf); another device gives other bits
	Total         int    // steps of the whole run
	StepsPerEpoch int
	Identity      []Field
	State         state
	Arrays        []array
}

// array describes one slot of one parameter.
type array struct {
	Param string
	Slot  kernels.Slot
	Len   int
}

const (
	magic         = "bnasckpt"
	formatVersion = 1
	preamble      = 24
)

// errDamaged is wrapped by the errors of a file that is not a whole checkpoint.
var errDamaged = errors.New("damaged checkpoint")

// writeCheckpoint writes a checkpoint. values delivers the arrays of the header in order; a slice is valid until the next one. A
// value that is not finite is an error: such a state must not replace a good one.
func writeCheckpoint(w io.Writer, h header, values iter.Seq2[[]float32, error]) error {
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	size := 0
	for _, a := range h.Arrays {
		size += 4 * a.Len
	}
	sum := sha256.New()
	file := bufio.NewWriterSize(w, bufferBytes)
	out := io.MultiWriter(file, sum)
	b := []byte(magic)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	if _, err := out.Write(append(b, head...)); err != nil {
		return err
	}
	i := 0
	for v, err := range values {
		if err != nil {
			return err
		}
		if err := writeArray(out, h.Arrays[i], v); err != nil {
			return err
		}
		i++
	}
	if _, err := file.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return file.Flush()
}

// bufferBytes is the size of the pieces in which arrays are written and read.
const bufferBytes = 1 << 16

func writeArray(w io.Writer, a array, values []float32) error {
	buf := make([]byte, 0, min(bufferBytes, 4*len(values)))
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return &NonFiniteError{What: fmt.Sprintf("value at element %d of slot %d", i, a.Slot), Layer: a.Param}
		}
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		if len(buf) == bufferBytes || i == len(values)-1 {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return nil
}

// decode reads a checkpoint of size bytes: once for the checksum, then for its content. Its errors wrap errDamaged, but for those
// of r and that of a whole file of an unknown version.
func decode(r io.ReaderAt, size int64) (*checkpoint, error) {
	pre, err := readPreamble(r, size)
	if err != nil {
		return nil, err
	}
	if err := checkSum(r, size); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(r, preamble, size-preamble-sha256.Size), bufferBytes)
	h, err := pre.header(in)
	if err != nil {
		return nil, err
	}
	c, left := checkpoint{header: *h}, pre.arrays
	seen := map[array]bool{}
	for _, a := range c.Arrays {
		key := array{Param: a.Param, Slot: a.Slot}
		if seen[key] {
			return nil, damaged("%s: slot %d twice", a.Param, a.Slot)
		}
		seen[key] = true
		if a.Len < 0 || uint64(a.Len) > left/4 {
			return nil, damaged("%s: %d elements, %d bytes left", a.Param, a.Len, left)
		}
		values, err := readArray(in, a.Len)
		if err != nil {
			return nil, err
		}
		c.values = append(c.values, values)
		left -= uint64(4 * a.Len)
	}
	if left != 0 {
		return nil, damaged("%d bytes after the last array", left)
	}
	return &c, nil
}

// decodeHead reads the header of a checkpoint of size bytes, without the arrays and their checksum.
func decodeHead(r io.ReaderAt, size int64) (*header, error) {
	pre, err := readPreamble(r, size)
	if err != nil {
		return nil, err
	}
	return pre.header(io.NewSectionReader(r, preamble, size-preamble))
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// front is what the preamble says: the version, and the lengths of the header and of the arrays.
type front struct {
	version      uint32
	head, arrays uint64
	have         uint64 // bytes between the preamble and the checksum
}

// readPreamble reads the first bytes of a checkpoint of size bytes.
func readPreamble(r io.ReaderAt, size int64) (*front, error) {
	if size < preamble+sha256.Size {
		return nil, damaged("%d bytes are less than an empty one", size)
	}
	pre := make([]byte, preamble)
	if _, err := r.ReadAt(pre, 0); err != nil {
		return nil, err
	}
	if string(pre[:len(magic)]) != magic {
		return nil, damaged("it does not begin with %q", magic)
	}
	return &front{
		version: binary.LittleEndian.Uint32(pre[8:]), head: uint64(binary.LittleEndian.Uint32(pre[12:])), arrays: binary.LittleEndian.Uint64(pre[16:]),
		have: uint64(size - preamble - sha256.Size),
	}, nil
}

// header reads the header from what follows the preamble.
func (f *front) header(r io.Reader) (*header, error) {
	if f.version != formatVersion {
		return nil, fmt.Errorf("checkpoint format %d; this program reads format %d", f.version, formatVersion)
	}
	if f.head > f.have || f.arrays != f.have-f.head {
		return nil, damaged("%d bytes of content, the preamble says %d and %d", f.have, f.head, f.arrays)
	}
	head := make([]byte, f.head)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	var h header
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, damaged("header: %v", err)
	}
	return &h, nil
}

// checkSum compares the checksum at the end with the content.
func checkSum(r io.ReaderAt, size int64) error {
	content, sum := sha256.New(), make([]byte, sha256.Size)
	if _, err := io.Copy(content, io.NewSectionReader(r, 0, size-sha256.Size)); err != nil {
		return err
	}
	if _, err := io.ReadFull(io.NewSectionReader(r, size-sha256.Size, sha256.Size), sum); err != nil {
		return err
	}
	if got := content.Sum(nil); !bytes.Equal(got, sum) {
		return damaged("its checksum is %x, its content's %x", sum[:4], got[:4])
	}
	return nil
}

func readArray(r io.Reader, n int) ([]float32, error) {
	values, buf := make([]float32, n), make([]byte, min(bufferBytes, 4*n))
	for at := 0; at < n; {
		piece := buf[:min(len(buf), 4*(n-at))]
		if _, err := io.ReadFull(r, piece); err != nil {
			return nil, err
		}
		for i := 0; i < len(piece); i += 4 {
			values[at] = math.Float32frombits(binary.LittleEndian.Uint32(piece[i:]))
			at++
		}
	}
	return values, nil
}

// position is the header of a checkpoint of the run's present state.
func (t *Trainer) position() header {
	h := header{
		Device: deviceOf(t.dev), Total: t.total, StepsPerEpoch: t.loader.StepsPerEpoch(),
		Identity: t.identity, State: t.state, Arrays: t.arrays(t.state.Counts),
	}
	h.State.Running = t.running.encode()
	return h
}

// pieceFloats is the size of the pieces in which a checkpoint is read from the store: one call for many small parameters, and
// no second copy of many large ones.
const pieceFloats = 1 << 20

// values reads arrays from the store, in order, in pieces of the given number of elements where the arrays are no larger.
func (t *Trainer) values(arrays []array, elements int) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for len(arrays) > 0 {
			n, size := 1, arrays[0].Len
			for n < len(arrays) && size+arrays[n].Len <= elements {
				size += arrays[n].Len
				n++
			}
			piece, err := t.read(arrays[:n])
			if err != nil {
				yield(nil, err)
				return
			}
			for _, v := range piece {
				if !yield(v, nil) {
					return
				}
			}
			arrays = arrays[n:]
		}
	}
}

func (t *Trainer) read(arrays []array) ([][]float32, error) {
	all := make([][]float32, len(arrays))
	for _, slot := range append(t.cfg.moments(), kernels.Data) {
		at, ids := arraysOf(arrays, slot, t.net.Params())
		values, err := kernels.ReadEach(t.store, slot, ids...)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			all[at[i]] = v
		}
	}
	at, ids := arraysOf(arrays, averaged, t.net.Params())
	for i, id := range ids {
		all[at[i]] = t.average.of(id)
	}
	return all, nil
}

// arraysOf returns the positions of the arrays of a slot, and their parameters.
func arraysOf(arrays []array, slot kernels.Slot, params []kernels.Param) (at []int, ids []kernels.ParamID) {
	of := map[string]kernels.ParamID{}
	for id, p := range params {
		of[p.Name] = kernels.ParamID(id)
	}
	for i, a := range arrays {
		if id, ok := of[a.Param]; ok && a.Slot == slot {
			at, ids = append(at, i), append(ids, id)
		}
	}
	return at, ids
}

// arrays lists what a checkpoint holds after counts updates of each trained parameter: its values and, if it was updated, its
// moments.
func (t *Trainer) arrays(counts []int) []array {
	var all []array
	for i, id := range t.trained {
		p := t.net.Params()[id]
		all = append(all, array{p.Name, kernels.Data, p.Len()})
		if t.average != nil {
			all = append(all, array{p.Name, averaged, p.Len()})
		}
		if counts[i] > 0 {
			for _, slot := range t.cfg.moments() {
				all = append(all, array{p.Name, slot, p.Len()})
			}
		}
	}
	return all
}

// moments are the slots that the optimizer keeps for a parameter that it has updated.
func (c Config) moments() []kernels.Slot { return c.update(0, nil).Moments() }
