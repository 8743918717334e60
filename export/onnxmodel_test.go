package export

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"bnas.example/onnx"
)

// field is one field of a protocol buffer.
type field struct {
	number protowire.Number
	int    int64
	float  float32
	bytes  []byte
}

func fields(b []byte) ([]field, error) {
	var all []field
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(b)
			f.int = int64(v)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.float = math.Float32frombits(v)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			return nil, fmt.Errorf("field %d has the wire type %d", number, kind)
		}
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		all = append(all, f)
	}
	return all, nil
}

// each calls visit for each field of a message.
func each(b []byte, visit func(f field)) error {
	all, err := fields(b)
	for _, f := range all {
		visit(f)
	}
	return err
}

// decodeModel reads what onnx.Encode writes. It returns the versions too.
func decodeModel(b []byte) (m onnx.Model, ir, opset int64, err error) {
	m.Metadata = map[string]string{}
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	keep(each(b, func(f field) {
		switch f.number {
		case 1:
			ir = f.int
		case 2:
			m.Producer = string(f.bytes)
		case 7:
			var e error
			m.Graph, e = decodeGraph(f.bytes)
			keep(e)
		case 8:
			keep(each(f.bytes, func(f field) {
				if f.number == 2 {
					opset = f.int
				}
			}))
		case 14:
			var entry [3]string
			keep(each(f.bytes, func(f field) { entry[f.number] = string(f.bytes) }))
			m.Metadata[entry[1]] = entry[2]
		}
	}))
	return m, ir, opset, err
}

func decodeGraph(b []byte) (g onnx.Graph, err error) {
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	keep(each(b, func(f field) {
		switch f.number {
		case 1:
			n, e := decodeNode(f.bytes)
			keep(e)
			g.Nodes = append(g.Nodes, n)
		case 2:
			g.Name = string(f.bytes)
		case 5:
			t, e := decodeTensor(f.bytes)
			keep(e)
			g.Initializers = append(g.Initializers, t)
		case 11, 12:
			v, e := decodeValue(f.bytes)
			keep(e)
			if f.number == 11 {
				g.Inputs = append(g.Inputs, v)
			} else {
				g.Outputs = append(g.Outputs, v)
			}
		}
	}))
	return g, err
}

func decodeNode(b []byte) (n onnx.Node, err error) {
	err = each(b, func(f field) {
		switch f.number {
		case 1:
			n.Inputs = append(n.Inputs, string(f.bytes))
		case 2:
			n.Outputs = append(n.Outputs, string(f.bytes))
		case 3:
			n.Name = string(f.bytes)
		case 4:
			n.Op = string(f.bytes)
		case 5:
			n.Attributes = append(n.Attributes, decodeAttribute(f.bytes))
		}
	})
	return n, err
}

func decodeAttribute(b []byte) (a onnx.Attribute) {
	var ints []int64
	var single, float any
	each(b, func(f field) {
		switch f.number {
		case 1:
			a.Name = string(f.bytes)
		case 2:
			float = f.float
		case 3:
			single = f.int
		case 8:
			ints = append(ints, f.int)
		case 20:
			a.Value = map[int64]any{1: float, 2: single, 7: ints}[f.int]
		}
	})
	return a
}

func decodeTensor(b []byte) (t onnx.Tensor, err error) {
	element, raw := int64(0), []byte(nil)
	err = each(b, func(f field) {
		switch f.number {
		case 1:
			t.Shape = append(t.Shape, int(f.int))
		case 2:
			element = f.int
		case 8:
			t.Name = string(f.bytes)
		case 9:
			raw = f.bytes
		}
	})
	if element == 1 {
		t.Floats = make([]float32, 0, len(raw)/4)
		for i := 0; i < len(raw); i += 4 {
			t.Floats = append(t.Floats, math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		}
		return t, err
	}
	for i := 0; i < len(raw); i += 8 {
		t.Ints = append(t.Ints, int64(binary.LittleEndian.Uint64(raw[i:])))
	}
	return t, err
}

func decodeValue(b []byte) (v onnx.Value, err error) {
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	keep(each(b, func(f field) {
		if f.number == 1 {
			v.Name = string(f.bytes)
			return
		}
		keep(each(f.bytes, func(f field) { // TypeProto
			keep(each(f.bytes, func(f field) { // Tensor
				if f.number != 2 {
					return
				}
				keep(each(f.bytes, func(f field) { // TensorShapeProto
					keep(each(f.bytes, func(f field) {
						switch f.number {
						case 1:
							v.Shape = append(v.Shape, int(f.int))
						case 2:
							v.Shape = append(v.Shape, string(f.bytes))
						}
					}))
				}))
			}))
		}))
	}))
	return v, err
}
