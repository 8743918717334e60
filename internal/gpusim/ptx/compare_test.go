package ptx

import (
	"fmt"
	"math"
	"testing"
)

func TestComparisons(t *testing.T) {
	// The relation's value for less, equal, greater and unordered operands.
	relations := map[string][4]bool{
		"eq": {false, true, false, false}, "ne": {true, false, true, false}, "lt": {true, false, false, false},
		"le": {true, true, false, false}, "gt": {false, false, true, false}, "ge": {false, true, true, false},
		"neu": {true, false, true, true}, "leu": {true, true, false, true}, "gtu": {false, false, true, true}, "geu": {false, true, true, true},
		"num": {true, true, true, false}, "nan": {false, false, false, true},
	}
	for _, ty := range []string{"u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64"} {
		typ := typeOf[ty]
		rows := integerRows()
		if typ.isFloat() {
			rows = floatRows(formats[ty])
		}
		for name, is := range relations {
			if len(name) == 3 && !typ.isFloat() {
				continue
			}
			full := fmt.Sprintf("setp.%s.%s %%d, %%a, %%b;", name, ty)
			for i, got := range runOne(t, full, "pred", []string{ty, ty}, rows) {
				a, b := rows[i][0]&typ.mask(), rows[i][1]&typ.mask()
				if want := is[order(a, b, typ)]; (got == 1) != want {
					t.Errorf("%s of %#x, %#x is %d", full, a, b, got)
					break
				}
			}
		}
	}
}

// order is 0, 1, 2 or 3 for less, equal, greater and unordered.
func order(a, b uint64, t typ) int {
	var x, y float64
	switch {
	case t.name == "f32":
		x, y = float64(float32of(a)), float64(float32of(b))
	case t.name == "f64":
		x, y = math.Float64frombits(a), math.Float64frombits(b)
	case t.isSigned():
		return compareInts(signed(a, t.bits()), signed(b, t.bits()))
	default:
		return compareInts(a, b)
	}
	if x != x || y != y {
		return 3
	}
	return compareInts(x, y)
}

func compareInts[T int64 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return 0
	case a > b:
		return 2
	}
	return 1
}

func TestPredicates(t *testing.T) {
	rows := [][3]uint64{}
	for i := range uint64(8) {
		rows = append(rows, [3]uint64{i & 1, i >> 1 & 1, i >> 2})
	}
	src := []string{"pred", "pred", "pred"}
	for op, f := range map[string]func(a, b, c bool) bool{
		"and.pred %d, %a, %b;":                  func(a, b, _ bool) bool { return a && b },
		"or.pred %d, %a, !%b;":                  func(a, b, _ bool) bool { return a || !b },
		"xor.pred %d, %a, %b;":                  func(a, b, _ bool) bool { return a != b },
		"not.pred %d, %a;":                      func(a, _, _ bool) bool { return !a },
		"mov.pred %d, %c;":                      func(_, _, c bool) bool { return c },
		"mov.pred %d, -1;":                      func(_, _, _ bool) bool { return true },
		"mov.pred %d, %a; @%b mov.pred %d, %c;": func(a, b, c bool) bool { return b && c || !b && a },
		"mov.pred %d, %a; @!%b bra $skip; mov.pred %d, %c; $skip: ": func(a, b, c bool) bool { return b && c || !b && a },
	} {
		for i, got := range runOne(t, op, "pred", src, rows) {
			a, b, c := rows[i][0] == 1, rows[i][1] == 1, rows[i][2] == 1
			if want := f(a, b, c); (got == 1) != want {
				t.Errorf("%s of %v, %v, %v is %d, want %v", op, a, b, c, got, want)
			}
		}
	}
}
