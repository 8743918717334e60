package safetensors

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample() []Tensor {
	return []Tensor{
		Float32("stem.0.weight", []int{2, 1, 1, 3}, []float32{1, -2, 3, 4, 5, 6.5}),
		Int64("stem.1.num_batches_tracked", nil, []int64{-7}),
		Float64("loss", []int{1}, []float64{2.25}),
		Float32("empty", []int{0, 3}, nil),
	}
}

func encode(t testing.TB, metadata map[string]string, tensors ...Tensor) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := Write(&w, metadata, tensors...); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func TestRoundTrip(t *testing.T) {
	metadata := map[string]string{"arch": "|none~0|+…", "seed": "1"}
	data := encode(t, metadata, sample()...)
	if n := binary.LittleEndian.Uint64(data); n%8 != 0 {
		t.Errorf("header of %d bytes leaves the data unaligned", n)
	}
	f, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(metadata, f.Metadata); d != "" {
		t.Error(d)
	}
	w, _ := f.Tensor("stem.0.weight")
	v, err := w.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]float32{1, -2, 3, 4, 5, 6.5}, v); d != "" {
		t.Error(d)
	}
	tracked, _ := f.Tensor("stem.1.num_batches_tracked")
	n, err := tracked.Int64s()
	if err != nil || len(n) != 1 || n[0] != -7 || len(tracked.Shape) != 0 {
		t.Errorf("%v %v %v", tracked.Shape, n, err)
	}
	loss, _ := f.Tensor("loss")
	if l, err := loss.Float64s(); err != nil || l[0] != 2.25 {
		t.Errorf("%v %v", l, err)
	}
	if _, err := loss.Float32s(); err == nil {
		t.Error("read F64 as F32")
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, tensors := range map[string][]Tensor{
		"twice":    {Float32("a", nil, []float32{1}), Float32("a", nil, []float32{1})},
		"reserved": {Float32("__metadata__", nil, []float32{1})},
		"short":    {Float32("a", []int{2}, []float32{1})},
		"dtype":    {{Name: "a", DType: "F31", Shape: []int{1}, Data: []byte{0}}},
		"not UTF8": {Float32("a\xff", nil, []float32{1})},
	} {
		if err := Write(&bytes.Buffer{}, nil, tensors...); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func file(header string, body int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), make([]byte, body)...)
}

func TestDecodeRefuses(t *testing.T) {
	entry := func(s string) string { return `{"a":{` + s + `}}` }
	for _, c := range []struct {
		name, header string
		body         int
		want         string
	}{
		{"hole at the start", entry(`"dtype":"F32","shape":[1],"data_offsets":[4,8]`), 8, "no gaps"},
		{"bytes left", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4]`), 5, "belong to no tensor"},
		{"truncated", entry(`"dtype":"F32","shape":[2],"data_offsets":[0,8]`), 7, "of 7 bytes"},
		{"wrong size", entry(`"dtype":"F32","shape":[3],"data_offsets":[0,8]`), 8, "takes 12"},
		{"overflow", entry(`"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]`), 8, "overflows"},
		{"negative", entry(`"dtype":"F32","shape":[-1],"data_offsets":[0,8]`), 8, "negative"},
		{"dtype", entry(`"dtype":"F31","shape":[2],"data_offsets":[0,8]`), 8, "unknown dtype"},
		{"member missing", entry(`"dtype":"F32","shape":[2]`), 8, "needs dtype"},
		{"null shape", entry(`"dtype":"F32","shape":null,"data_offsets":[0,4]`), 4, "null"},
		{"null in a shape", entry(`"dtype":"F32","shape":[1,null],"data_offsets":[0,0]`), 0, "shape: number 1 is null"},
		{"null offset", entry(`"dtype":"F32","shape":[1],"data_offsets":[null,4]`), 4, "data_offsets: number 0 is null"},
		{"null offsets", entry(`"dtype":"F32","shape":[0],"data_offsets":null`), 0, "data_offsets is null"},
		{"member unknown", entry(`"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1`), 8, "unknown member"},
		{"member twice", entry(`"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]`), 8, "occurs twice"},
		{"three offsets", entry(`"dtype":"F32","shape":[2],"data_offsets":[0,8,9]`), 8, "data_offsets"},
		{"fraction", entry(`"dtype":"F32","shape":[1.5],"data_offsets":[0,8]`), 8, "a:"},
		{"name twice", `{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0, "occurs twice"},
		{"metadata number", `{"__metadata__":{"a":1}}`, 0, "want a string"},
		{"array", `[]`, 0, "not a JSON object"},
		{"after the object", `{} {}`, 0, "after the object"},
		{"unfinished", `{"a":`, 0, "EOF"},
	} {
		_, err := Decode(file(c.header, c.body))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
	whole := encode(t, nil, sample()...)
	for n := range whole {
		if _, err := Decode(whole[:n]); err == nil {
			t.Fatalf("decoded the first %d of %d bytes", n, len(whole))
		}
	}
}

// FuzzDecode checks that an accepted file is the same after it is encoded and decoded again.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, map[string]string{"k": "v"}, sample()...))
	f.Add(file(`{"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}  `, 8))
	f.Add(file(`{}`, 0))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Decode(encode(t, first.Metadata, first.Tensors...))
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Tensors) != len(first.Tensors) {
			t.Fatalf("%d tensors became %d", len(first.Tensors), len(again.Tensors))
		}
		for _, x := range first.Tensors {
			y, ok := again.Tensor(x.Name)
			if !ok || !bytes.Equal(x.Data, y.Data) || x.DType != y.DType || !cmp.Equal(x.Shape, y.Shape) {
				t.Fatalf("%v became %v", x, y)
			}
		}
	})
}

// TestFilesOfTorchSave are named, since they are what PyTorch writes by default.
func TestFilesOfTorchSave(t *testing.T) {
	for _, start := range []string{"PK\x03\x04\x00\x00\x08\x08", "\x80\x02\x8a\nl\xfc\x9cF"} {
		if _, err := Decode(append([]byte(start), make([]byte, 100)...)); err == nil || !strings.Contains(err.Error(), "torch.save; write the state dict with") {
			t.Errorf("%q: %v", start, err)
		}
	}
}
