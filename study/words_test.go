package study

import (
	"math"
	"strings"
	"testing"
)

// TestUndefinedIsNoZero: of a difference that is undefined no text says that its interval holds 0.
func TestUndefinedIsNoZero(t *testing.T) {
	holds := estimate{mean: .1}
	holds.Low, holds.High = -.1, .3
	for name, words := range map[string]func(estimate) string{
		"placement": func(e estimate) string {
			return verdict(map[string]estimate{"it": e}, []string{"it"})
		},
		"indicator": decided,
	} {
		if text := words(holds); !strings.Contains(text, "the interval holds 0") {
			t.Errorf("%s, an interval that holds 0: %q", name, text)
		}
		if text := words(undefined); strings.Contains(text, "holds 0") || !strings.Contains(text, "undefined") {
			t.Errorf("%s, undefined: %q", name, text)
		}
	}
}

// TestNoIntervalHoldsNothing: an exponent of one seed has no interval, so the page does not say whether it holds −½.
func TestNoIntervalHoldsNothing(t *testing.T) {
	for want, e := range map[string]seedEstimate{"yes": {-.4, -.6, -.2}, "no": {-.1, -.2, 0}, "–": {-.5, math.NaN(), math.NaN()}} {
		cells := rateRow(widthRate{exponent: e}).Cells
		if got := cells[len(cells)-1].Text; got != want {
			t.Errorf("%v: %q, want %q", e, got, want)
		}
	}
}

// TestNoExponentWithoutThird: where the loss of a network has not fallen by a third there is no exponent, and the page says so.
func TestNoExponentWithoutThird(t *testing.T) {
	none := seedEstimate{math.NaN(), math.NaN(), math.NaN()}
	if text := atThird(none, none); strings.Contains(text, "–") || !strings.Contains(text, "not in all networks") {
		t.Errorf("%q", text)
	}
	if text := atThird(seedEstimate{-.5, -.6, -.4}, seedEstimate{-.25, -.3, -.2}); !strings.Contains(text, "C^−0.50 [−0.60, −0.40] and C^−0.25") {
		t.Errorf("%q", text)
	}
}

// TestPassing: networks of equal MACs pass a limit together.
func TestPassing(t *testing.T) {
	d := &fairnessData{macs: []float64{3, 1, 1, 1, 2, 3, 3, 3, 3, 9}}
	if got, want := listed(d.passing(d.limits())), "30.0 %, 40.0 %, 90.0 %, 90.0 % and 100.0 %"; got != want {
		t.Errorf("%s pass, want %s", got, want)
	}
}
