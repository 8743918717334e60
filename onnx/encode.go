package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// These are the numbers of enumerations in onnx.proto.
const (
	elementFloat = 1 // TensorProto.DataType
	elementInt64 = 7

	attributeFloat = 1 // AttributeProto.AttributeType
	attributeInt   = 2
	attributeInts  = 7
)

// Encode returns the bytes of a model. The same model has the same bytes. A model of more than MaxBytes is an error, and so is
// an attribute or a dimension of another type.
func Encode(m Model) (encoded []byte, err error) {
	if size := m.Graph.numbers(); size > MaxBytes-1<<20 {
		return nil, fmt.Errorf("onnx: numbers of %d bytes, the format has room for 2 GB", size)
	}
	graph, err := m.Graph.encode()
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	var b message
	b.int(1, IRVersion)
	b.text(2, m.Producer)
	b.bytes(7, graph)
	var opset message // the domain is empty: ai.onnx
	opset.int(2, Opset)
	b.bytes(8, opset)
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		var entry message
		entry.text(1, key)
		entry.text(2, m.Metadata[key])
		b.bytes(14, entry)
	}
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("onnx: a model of %d bytes, the format has room for 2 GB", len(b))
	}
	return b, nil
}

// numbers returns the length of all constants in bytes.
func (g *Graph) numbers() (n int) {
	for _, t := range g.Initializers {
		n += 4*len(t.Floats) + 8*len(t.Ints)
	}
	return n
}

func (g *Graph) encode() (message, error) {
	var b message
	for _, n := range g.Nodes {
		node, err := n.encode()
		if err != nil {
			return nil, err
		}
		b.bytes(1, node)
	}
	b.text(2, g.Name)
	for _, t := range g.Initializers {
		b.bytes(5, t.encode())
	}
	if err := b.values(11, g.Inputs); err != nil {
		return nil, err
	}
	return b, b.values(12, g.Outputs)
}

func (n *Node) encode() (message, error) {
	var b message
	for _, name := range n.Inputs {
		b.text(1, name)
	}
	for _, name := range n.Outputs {
		b.text(2, name)
	}
	b.text(3, n.Name)
	b.text(4, n.Op)
	for _, a := range n.Attributes {
		attribute, err := a.encode()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
		b.bytes(5, attribute)
	}
	return b, nil
}

func (a *Attribute) encode() (message, error) {
	var b message
	b.text(1, a.Name)
	switch v := a.Value.(type) {
	case float32:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(v))
		b.int(20, attributeFloat)
	case int64:
		b.int(3, v)
		b.int(20, attributeInt)
	case []int64:
		for _, n := range v {
			b.int(8, n)
		}
		b.int(20, attributeInts)
	default:
		return nil, fmt.Errorf("attribute %s has the type %T", a.Name, a.Value)
	}
	return b, nil
}

func (t *Tensor) encode() message {
	var b message
	for _, n := range t.Shape {
		b.int(1, int64(n))
	}
	element, raw := int64(elementFloat), make([]byte, 0, 4*len(t.Floats)+8*len(t.Ints))
	for _, v := range t.Floats {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	if t.Floats == nil {
		element = elementInt64
		for _, v := range t.Ints {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		}
	}
	b.int(2, element)
	b.text(8, t.Name)
	b.bytes(9, raw)
	return b
}

// message is an encoded message in the making.
type message []byte

func (b *message) int(field protowire.Number, v int64) {
	*b = protowire.AppendVarint(protowire.AppendTag(*b, field, protowire.VarintType), uint64(v))
}

func (b *message) text(field protowire.Number, v string) {
	*b = protowire.AppendString(protowire.AppendTag(*b, field, protowire.BytesType), v)
}

func (b *message) bytes(field protowire.Number, v []byte) {
	*b = protowire.AppendBytes(protowire.AppendTag(*b, field, protowire.BytesType), v)
}

func (b *message) values(field protowire.Number, values []Value) error {
	for _, v := range values {
		var shape, tensor, kind, value message
		for _, size := range v.Shape {
			var dim message
			switch d := size.(type) {
			case int:
				dim.int(1, int64(d))
			case string:
				dim.text(2, d)
			default:
				return fmt.Errorf("%s: a dimension has the type %T", v.Name, size)
			}
			shape.bytes(1, dim)
		}
		tensor.int(1, elementFloat)
		tensor.bytes(2, shape)
		kind.bytes(1, tensor)
		value.text(1, v.Name)
		value.bytes(2, kind)
		b.bytes(field, value)
	}
	return nil
}
