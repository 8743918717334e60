package ptx

import "math"

// comparison is a relation of two values' bits.
type comparison func(a, b uint64) bool

// compare makes the relation named eq, lt, gtu… of a type.
func compare(name string, t typ) (comparison, error) {
	if t.isFloat() {
		return compareFloats(name, t)
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
		case "lt":
			return func(a, b uint64) bool { return a < b }, nil
		case "le":
			return func(a, b uint64) bool { return a <= b }, nil
		case "gt":
			return func(a, b uint64) bool { return a > b }, nil
		case "ge":
			return func(a, b uint64) bool { return a >= b }, nil
		}
	}
	return nil, errOperand("relation ." + name + " of ." + t.name + " is not supported")
}

// compareFloats: neu, leu, gtu and geu are true where a value is NaN.
func compareFloats(name string, t typ) (comparison, error) {
	var value func(uint64) float64
	switch t.name {
	case "f32":
		value = func(a uint64) float64 { return float64(float32of(a)) }
	case "f64":
		value = math.Float64frombits
	default:
		return nil, errOperand("comparing ." + t.name + " is not supported")
	}
	var f func(a, b float64) bool
	switch name {
	case "eq":
		f = func(a, b float64) bool { return a == b }
	case "ne":
		f = func(a, b float64) bool { return a < b || a > b }
	case "neu":
		f = func(a, b float64) bool { return a != b }
	case "lt":
		f = func(a, b float64) bool { return a < b }
	case "le":
		f = func(a, b float64) bool { return a <= b }
	case "leu":
		f = func(a, b float64) bool { return !(a > b) }
	case "gt":
		f = func(a, b float64) bool { return a > b }
	case "gtu":
		f = func(a, b float64) bool { return !(a <= b) }
	case "ge":
		f = func(a, b float64) bool { return a >= b }
	case "geu":
		f = func(a, b float64) bool { return !(a < b) }
	case "num":
		f = func(a, b float64) bool { return a == a && b == b }
	case "nan":
		f = func(a, b float64) bool { return a != a || b != b }
	default:
		return nil, errOperand("relation ." + name + " of ." + t.name + " is not supported")
	}
	return func(a, b uint64) bool { return f(value(a), value(b)) }, nil
}
