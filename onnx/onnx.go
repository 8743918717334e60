// Package onnx writes the ONNX format: a graph of operators with its constants, as a protocol buffer. It has the messages and
// fields that networks of bnas need, with the numbers of onnx.proto in ONNX 1.12: IR version 8, operator set 17. Newer
// versions read them.
package onnx

// IRVersion and Opset are those of ONNX 1.12.
const (
	IRVersion = 8
	Opset     = 17
)

// MaxBytes is the largest length of a protocol buffer.
const MaxBytes = 1<<31 - 1

// Model is a file.
type Model struct {
	Producer string
	Graph    Graph
	Metadata map[string]string
}

// Graph is a computation. Each node reads names that are inputs, initialisers or outputs of nodes before it. No name is
// written twice.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Inputs       []Value
	Outputs      []Value
}

// Node is one operator of the domain ai.onnx.
type Node struct {
	Name       string
	Op         string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attribute is a parameter of an operator. Value is an int64, a float32, or a []int64.
type Attribute struct {
	Name  string
	Value any
}

// Tensor is a constant: Floats or, if there are none, Ints. An empty Shape is a single number.
type Tensor struct {
	Name   string
	Shape  []int
	Floats []float32
	Ints   []int64
}

// Value describes a float tensor that enters or leaves a graph. Each dimension is an int, or a string that names a size which
// is known only when the graph runs.
type Value struct {
	Name  string
	Shape []any
}
