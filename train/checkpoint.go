package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
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

// encode gives the bytes of c. A value that is not finite is an error: such a state must not replace a good one.
func (c *checkpoint) encode() ([]byte, error) {
	for i, values := range c.values {
		for j, v := range values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, &NonFiniteError{What: fmt.Sprintf("value at element %d of slot %d", j, c.Arrays[i].Slot), Layer: c.Arrays[i].Param}
			}
		}
	}
	head, err := json.Marshal(c.header)
	if err != nil {
		return nil, err
	}
	var arrays []byte
	for _, values := range c.values {
		for _, v := range values {
			arrays = binary.LittleEndian.AppendUint32(arrays, math.Float32bits(v))
		}
	}
	b := []byte(magic)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(arrays)))
	b = append(append(b, head...), arrays...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// decode reads a checkpoint. Its errors wrap errDamaged, but for that of a whole file of an unknown version.
func decode(b []byte) (*checkpoint, error) {
	damaged := func(format string, args ...any) (*checkpoint, error) {
		return nil, fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
	}
	if len(b) < preamble+sha256.Size {
		return damaged("%d bytes are less than an empty one", len(b))
	}
	if string(b[:len(magic)]) != magic {
		return damaged("it does not begin with %q", magic)
	}
	content, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(content); !bytes.Equal(got[:], sum) {
		return damaged("its checksum is %x, its content's %x", sum[:4], got[:4])
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return nil, fmt.Errorf("checkpoint format %d; this program reads format %d", v, formatVersion)
	}
	headLen, arraysLen := uint64(binary.LittleEndian.Uint32(b[12:])), binary.LittleEndian.Uint64(b[16:])
	if have := uint64(len(b) - preamble - sha256.Size); headLen > have || arraysLen != have-headLen {
		return damaged("%d bytes of content, the preamble says %d and %d", have, headLen, arraysLen)
	}
	var c checkpoint
	head, arrays := content[preamble:preamble+headLen], content[preamble+headLen:]
	if err := json.Unmarshal(head, &c.header); err != nil {
		return damaged("header: %v", err)
	}
	seen := map[array]bool{}
	for _, a := range c.Arrays {
		key := array{Param: a.Param, Slot: a.Slot}
		if seen[key] {
			return damaged("%s: slot %d twice", a.Param, a.Slot)
		}
		seen[key] = true
		if a.Len < 0 || a.Len > len(arrays)/4 {
			return damaged("%s: %d elements, %d bytes left", a.Param, a.Len, len(arrays))
		}
		values := make([]float32, a.Len)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(arrays[4*i:]))
		}
		c.values = append(c.values, values)
		arrays = arrays[4*a.Len:]
	}
	if len(arrays) != 0 {
		return damaged("%d bytes after the last array", len(arrays))
	}
	return &c, nil
}

// snapshot reads the run's state from the store.
func (t *Trainer) snapshot() (*checkpoint, error) {
	c := &checkpoint{header: header{
		Device: deviceOf(t.dev), Total: t.total, StepsPerEpoch: t.loader.StepsPerEpoch(),
		Identity: t.identity, State: t.state,
	}}
	c.Arrays = t.arrays(t.state.Counts)
	c.values = make([][]float32, len(c.Arrays))
	for _, slot := range append(t.cfg.moments(), kernels.Data) {
		at, ids := arraysOf(c.Arrays, slot, t.net.Params())
		values, err := kernels.ReadEach(t.store, slot, ids...)
		if err != nil {
			return nil, fmt.Errorf("checkpoint: %w", err)
		}
		for i, v := range values {
			c.values[at[i]] = v
		}
	}
	return c, nil
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
		if counts[i] > 0 {
			for _, slot := range t.cfg.moments() {
				all = append(all, array{p.Name, slot, p.Len()})
			}
		}
	}
	return all
}

// moments are the slots that the optimizer keeps for a parameter that it has updated.
func (c Config) moments() []kernels.Slot {
	switch {
	case c.Optimizer == AdamW:
		return []kernels.Slot{kernels.Moment1, kernels.Moment2}
	case c.Momentum > 0:
		return []kernels.Slot{kernels.Moment1}
	default:
		return nil
	}
}
