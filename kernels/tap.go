package kernels

import "fmt"

// Tap names something inside a network to look at: a node, which is the sum before any activation, or a value, which is
// the raw input of its BatchNorms. The zero Tap is node 0.
type Tap struct {
	isValue bool
	id      int
}

// NodeTap names a node.
func NodeTap(n NodeID) Tap { return Tap{id: int(n)} }

// ValueTap names a value.
func ValueTap(v ValueID) Tap { return Tap{isValue: true, id: int(v)} }

// Node returns the node that t names, and false if t names a value.
func (t Tap) Node() (n NodeID, ok bool) { return NodeID(t.id), !t.isValue }

// Value returns the value that t names, and false if t names a node.
func (t Tap) Value() (v ValueID, ok bool) { return ValueID(t.id), t.isValue }

// String is "node 3" or "value 3".
func (t Tap) String() string {
	if t.isValue {
		return fmt.Sprintf("value %d", t.id)
	}
	return fmt.Sprintf("node %d", t.id)
}

// TapShape is the shape at a Tap. It returns an error if the program has no such node or value.
func (p *Program) TapShape(t Tap) (Shape, error) {
	if v, ok := t.Value(); ok && p.hasValue(v) {
		return p.Values[v].Shape, nil
	}
	if n, ok := t.Node(); ok && p.hasNode(n) {
		return p.Nodes[n].Shape, nil
	}
	return Shape{}, fmt.Errorf("no %v", t)
}
