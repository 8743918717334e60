package setting

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// interval is a range of numbers. An infinite end is never in it.
type interval struct {
	low, high         float64
	openLow, openHigh bool
}

// parse reads [a,b], (a,b], [a,b) or (a,b); b may be inf.
func parse(text string) (r interval, err error) {
	wrong := fmt.Errorf("%q is no interval", text)
	if len(text) < 5 || !strings.Contains("[(", text[:1]) || !strings.Contains("])", text[len(text)-1:]) {
		return r, wrong
	}
	low, high, ok := strings.Cut(text[1:len(text)-1], ",")
	if !ok {
		return r, wrong
	}
	if r.low, err = strconv.ParseFloat(low, 64); err != nil {
		return r, wrong
	}
	if r.high, err = strconv.ParseFloat(high, 64); err != nil {
		return r, wrong
	}
	r.openLow, r.openHigh = text[0] == '(', text[len(text)-1] == ')'
	return r, nil
}

func (r interval) has(x float64) bool {
	return (x > r.low || x == r.low && !r.openLow) && (x < r.high || x == r.high && !r.openHigh) && !math.IsInf(x, 0)
}

// refuse returns the reason that v is not in the range, or "".
func (r interval) refuse(v reflect.Value) string {
	var x float64
	switch {
	case v.CanInt():
		x = float64(v.Int())
	case v.CanUint():
		x = float64(v.Uint())
	case v.CanFloat():
		x = v.Float()
	default:
		return fmt.Sprintf("a %s has no range", v.Type())
	}
	switch {
	case r.has(x):
		return ""
	case math.IsInf(x, 0):
		return "must be finite, " + r.String()
	}
	return "must be " + r.String()
}

func (r interval) String() string {
	low, high := strconv.FormatFloat(r.low, 'f', -1, 64), strconv.FormatFloat(r.high, 'f', -1, 64)
	switch {
	case math.IsInf(r.high, 1) && r.openLow:
		return "above " + low
	case math.IsInf(r.high, 1):
		return "at least " + low
	case r.openLow && r.openHigh:
		return "between " + low + " and " + high
	case r.openLow:
		return "above " + low + ", at most " + high
	case r.openHigh:
		return "at least " + low + ", below " + high
	}
	return low + "…" + high
}
