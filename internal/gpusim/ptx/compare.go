package ptx

import (
	"math"
	"strings"
)

// comparison is a relation of two values' bits.
type comparison func(a, b uint64) bool

// compare makes the relation named eq, ltu, hs… of a type.
func compare(name string, t typ, ftz bool) (comparison, error) {
	if t.isFloat() {
		return compareFloats(name, t, ftz)
	}
	n := t.bits()
	switch name {
	case "eq":
		return func(a, b uint64) bool { return a == b }, nil
	case "ne":
		return func(a, b uint64) bool { return a != b }, nil
	}
	if t.isSigned() {
		switch name {
		case "lt":
			return func(a, b uint64) bool { return signed(a, n) < signed(b, n) }, nil
		case "le":
			return func(a, b uint64) bool { return signed(a, n) <= signed(b, n) }, nil
		case "gt":
			return func(a, b uint64) bool { return signed(a, n) > signed(b, n) }, nil
		case "ge":
			return func(a, b uint64) bool { return signed(a, n) >= signed(b, n) }, nil
		}
	}
	if t.class == unsignedClass {
		switch name {
		case "lt", "lo":
			return func(a, b uint64) bool { return a < b }, nil
		case "le", "ls":
			return func(a, b uint64) bool { return a <= b }, nil
		case "gt", "hi":
			return func(a, b uint64) bool { return a > b }, nil
		case "ge", "hs":
			return func(a, b uint64) bool { return a >= b }, nil
		}
	}
	return nil, errOperand("relation ." + name + " of ." + t.name + " is not supported")
}

// compareFloats: a relation whose name ends in u is true where a value is NaN.
func compareFloats(name string, t typ, ftz bool) (comparison, error) {
	var value func(uint64) float64
	switch t.name {
	case "f32":
		value = func(a uint64) float64 { return float64(float32of(a)) }
		if ftz {
			value = func(a uint64) float64 { return float64(float32of(flush(a))) }
		}
	case "f64":
		value = math.Float64frombits
	default:
		return nil, errOperand("comparing ." + t.name + " is not supported")
	}
	unordered := strings.HasSuffix(name, "u")
	var f func(a, b float64) bool
	switch strings.TrimSuffix(name, "u") {
	case "eq":
		f = func(a, b float64) bool { return a == b }
	case "ne":
		f = func(a, b float64) bool { return a < b || a > b }
	case "lt":
		f = func(a, b float64) bool { return a < b }
	case "le":
		f = func(a, b float64) bool { return a <= b }
	case "gt":
		f = func(a, b float64) bool { return a > b }
	case "ge":
		f = func(a, b float64) bool { return a >= b }
	default:
		switch name {
		case "num":
			return func(a, b uint64) bool { x, y := value(a), value(b); return x == x && y == y }, nil
		case "nan":
			return func(a, b uint64) bool { x, y := value(a), value(b); return x != x || y != y }, nil
		}
		return nil, errOperand("relation ." + name + " of ." + t.name + " is not supported")
	}
	return func(a, b uint64) bool {
		x, y := value(a), value(b)
		return f(x, y) || unordered && (x != x || y != y)
	}, nil
}
