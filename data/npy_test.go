package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// numpyFile returns the file that numpy.save writes for this header and content.
func numpyFile(version byte, dictionary string, content ...byte) []byte {
	b := append([]byte("\x93NUMPY"), version, 0)
	length := 10 + len(dictionary) + 1
	if version > 1 {
		length += 2
	}
	dictionary += strings.Repeat(" ", (64-length%64)%64) + "\n"
	if version > 1 {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dictionary)))
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dictionary)))
	}
	return append(append(b, dictionary...), content...)
}

// The bytes of numpy.array([[1.5, -2, 3]], numpy.float32) and others, as numpy 2 saves them.
var numpyFiles = []struct {
	file  []byte
	shape []int
	data  any
}{
	{numpyFile(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }", 0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0x40, 0x40),
		[]int{1, 3}, []float32{1.5, -2, 3}},
	{numpyFile(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", 7, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255),
		[]int{2}, []int64{7, -1}},
	{numpyFile(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 0, 0, 0, 0, 0, 0, 0xf8, 0x3f),
		[]int{1}, []float64{1.5}},
	{numpyFile(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 2), }", 1, 2, 3, 4),
		[]int{2, 1, 2}, []uint8{1, 2, 3, 4}},
}

func TestReadNpy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	for _, c := range numpyFiles {
		writeFile(t, path, c.file)
		d, err := ReadNpy(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(d.Shape, c.shape) || !reflect.DeepEqual(d.Data, c.data) {
			t.Errorf("shape %v, data %v; want %v, %v", d.Shape, d.Data, c.shape, c.data)
		}
	}
	writeFile(t, path, numpyFile(2, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", 1, 2))
	if d, err := ReadNpy(path); err != nil || !reflect.DeepEqual(d.Data, []uint8{1, 2}) {
		t.Errorf("version 2: %v, error %v", d, err)
	}
}

func TestReadNpyRefuses(t *testing.T) {
	const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
	with := func(part, other string) []byte {
		return numpyFile(1, strings.Replace(good, part, other, 1), make([]byte, 8)...)
	}
	path := filepath.Join(t.TempDir(), "a.npy")
	for _, c := range []struct {
		name string
		file []byte
		says string
	}{
		{"empty", nil, "header: EOF"},
		{"foreign", []byte("PK\x03\x04 and so on"), "not a .npy file"},
		{"version", numpyFile(9, good), "version 9"},
		{"short header", with("", "")[:40], "header: unexpected EOF"},
		{"huge header", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{"), "header of 4294967295 bytes"},
		{"no dictionary", numpyFile(1, "nothing"), "not a NumPy array's"},
		{"big-endian", with("<f4", ">f4"), `type ">f4"`},
		{"int32", with("<f4", "<i4"), `type "<i4"`},
		{"record", with("'<f4'", "[('a', '<f4')]"), "not a NumPy array's"},
		{"Fortran", with("False", "True"), "ascontiguousarray"},
		{"scalar", with("(2,)", "()"), "one or more numbers"},
		{"hole", with("(2,)", "(1,,2)"), "one or more numbers"},
		{"negative", with("(2,)", "(-2,)"), "not a NumPy array's"},
		{"empty array", with("(2,)", "(0, 5)"), "shape [0 5]"},
		{"huge", with("(2,)", "(4294967296, 4294967296)"), "does not fit"},
		{"overflow", with("(2,)", "(99999999999999999999,)"), "one or more numbers"},
		{"truncated", with("(2,)", "(3,)"), "8 bytes of content, but shape [3] of <f4 takes 12"},
		{"too long", with("(2,)", "(1,)"), "8 bytes of content, but shape [1] of <f4 takes 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			writeFile(t, path, c.file)
			_, err := ReadNpy(path)
			wantError(t, err, path, c.says)
		})
	}
	_, err := ReadNpy(path + "absent")
	wantError(t, err, "absent")
	_, err = ReadNpy(filepath.Dir(path))
	wantError(t, err, "not a regular file")
}

// TestNpyMemory: a shape that the file is too short for takes no memory.
func TestNpyMemory(t *testing.T) {
	const content = 8 << 20
	file := numpyFile(1, fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }", content), make([]byte, content)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := parseNpy(bytes.NewReader(file), int64(len(file)))
	runtime.ReadMemStats(&after)
	wantError(t, err, fmt.Sprintf("%d bytes of content, but shape [%d] of <f8 takes %d", content, content, 8*content))
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("it takes %d bytes to refuse a file of %d", taken, len(file))
	}
}

func FuzzNpy(f *testing.F) {
	for _, c := range numpyFiles {
		f.Add(c.file)
		f.Add(c.file[:len(c.file)-1])
	}
	f.Add(numpyFile(2, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", 1, 2))
	f.Add(numpyFile(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{"))
	f.Fuzz(func(t *testing.T, file []byte) {
		d, err := parseNpy(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		b := encodeNpy(t, d)
		again, err := parseNpy(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.Shape, d.Shape) || binary.Size(d.Data) != binary.Size(again.Data) {
			t.Errorf("%v is read back as %v", d.Shape, again.Shape)
		}
	})
}

// encodeNpy returns the .npy file of an array.
func encodeNpy(t *testing.T, d Array) []byte {
	t.Helper()
	var descr string
	switch d.Data.(type) {
	case []float32:
		descr = "<f4"
	case []float64:
		descr = "<f8"
	case []int64:
		descr = "<i8"
	case []uint8:
		descr = "|u1"
	}
	var shape strings.Builder
	for _, n := range d.Shape {
		fmt.Fprintf(&shape, "%d, ", n)
	}
	content, err := binary.Append(nil, binary.LittleEndian, d.Data)
	if err != nil {
		t.Fatal(err)
	}
	return numpyFile(2, fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, &shape), content...)
}
