package data

import (
	"fmt"
	"slices"
	"testing"
)

func TestResizeAverages(t *testing.T) {
	m := &memory{name: "steps", height: 4, width: 4, stored: 1, channels: 3, labels: []byte{0}, pixels: []byte{
		0, 0, 200, 200,
		0, 0, 200, 200,
		100, 100, 60, 60,
		100, 100, 60, 60,
	}}
	if s := resize(m, 4, 4); s != Set(m) {
		t.Error("a set of the right size is not itself")
	}
	// At half the size the triangle of radius 2 weighs the four pixels round a target's centre by 1, 3, 3, 1; at the
	// edge, where the first falls outside, by 3, 3, 1 (sum 7).
	along := func(own, other float64) float64 { return (6*own + other) / 7 }
	top, bottom := along(0, 200), along(100, 60)
	topRight, bottomRight := along(200, 0), along(60, 100)
	want := []float64{along(top, bottom), along(topRight, bottomRight), along(bottom, top), along(bottomRight, topRight)}
	got := read(t, resize(m, 2, 2), 0)
	for i, v := range got {
		if w := want[i%4]; float64(v) < w-1.5 || float64(v) > w+1.5 {
			t.Errorf("byte %d is %d, want %.1f", i, v, w)
		}
	}
}

func TestFit(t *testing.T) {
	m := synthetic(1, 28, 28)
	for _, c := range []struct {
		height, width int
		how           string
	}{
		{28, 28, "*data.memory"}, {32, 32, "*data.padded"}, {28, 41, "*data.padded"},
		{16, 16, "*data.resized"}, {28, 42, "*data.resized"}, {27, 32, "*data.resized"}, {64, 48, "*data.resized"},
	} {
		s := fit(m, c.height, c.width)
		if h, w := s.Size(); h != c.height || w != c.width || fmt.Sprintf("%T", s) != c.how {
			t.Errorf("28×28 in %d×%d: a %T of %d×%d, want a %s", c.height, c.width, s, h, w, c.how)
		}
	}
}

func TestPad(t *testing.T) {
	m := &memory{name: "m", height: 1, width: 2, stored: 3, channels: 3, labels: []byte{0}, pixels: []byte{1, 2, 3, 4, 5, 6}}
	if s := pad(m, 1, 2); s != Set(m) {
		t.Error("a set of the right size is not itself")
	}
	got := read(t, pad(m, 3, 4), 0)
	want := []byte{
		0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// Of an odd border the smaller half is above and on the left: one row of three, two columns of five.
	grey := &memory{name: "m", height: 1, width: 2, stored: 1, channels: 1, labels: []byte{0}, pixels: []byte{8, 9}}
	want = make([]byte, 4*7)
	want[1*7+2], want[1*7+3] = 8, 9
	got = make([]byte, len(want))
	if err := pad(grey, 4, 7).Read(got, 0); err != nil || !slices.Equal(got, want) {
		t.Errorf("an odd border: %v, want %v, %v", got, want, err)
	}
}
