package indicator

import (
	"errors"
	"slices"
	"strconv"
	"testing"
)

// A scorer keeps the terms of the last networks, whatever their number.
func TestNetworksAreBounded(t *testing.T) {
	n := newNetworks()
	const more = 100
	for i := range mostNetworks + more {
		n.of(strconv.Itoa(i))
	}
	if len(n.all) != mostNetworks || len(n.kept) != mostNetworks {
		t.Errorf("%d networks are kept, %d noted, want %d", len(n.all), len(n.kept), mostNetworks)
	}
	for i, want := range map[int]bool{more - 1: false, more: true, mostNetworks + more - 1: true} {
		if n.all[strconv.Itoa(i)] != nil != want {
			t.Errorf("network %d is kept: %t", i, !want)
		}
	}
}

// A network is measured once. A measurement that fails is made again.
func TestNetworkIsMeasuredOnce(t *testing.T) {
	n := newNetworks()
	broken := errors.New("broken")
	measured := 0
	for _, fails := range []error{broken, nil, nil} {
		values, err := n.of("same").terms(func() ([]float64, error) {
			measured++
			return []float64{7}, fails
		})
		if !errors.Is(err, fails) || fails == nil && !slices.Equal(values, []float64{7}) {
			t.Errorf("%v, %v, want the error %v", values, err, fails)
		}
	}
	if measured != 2 {
		t.Errorf("measured %d times, want twice", measured)
	}
}
