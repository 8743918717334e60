package supernet

import (
	"slices"
	"strings"
	"testing"
)

// TestMixtureProgram: the operators of an edge are averaged. The weights of the terms are one over their number on the edge.
func TestMixtureProgram(t *testing.T) {
	n := build(t, Config{Space: "nas-bench-201", BN: Standard, Cells: 1, Channels: 2, Height: 8, Width: 8})
	s := n.Space.(Mixed)
	whole := s.Whole()
	for e := range whole {
		if got := whole.Operators(e); !slices.Equal(got, []int{nb201Skip, nb201Conv1, nb201Conv3, nb201Pool}) {
			t.Errorf("edge %d begins with the operators %v", e, got)
		}
	}
	m := make(Mixture, len(whole))
	for e := range m {
		m[e] = make([]bool, len(nb201Ops))
		m[e][nb201Conv3] = true
	}
	m[3][nb201Conv1] = true                        // two of edge 3<-0
	m[5][nb201Conv1], m[5][nb201Pool] = true, true // three of edge 3<-2
	p, weights, err := n.MixtureProgram(m)
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	count := map[float32]int{}
	for _, w := range weights {
		count[w]++
	}
	if len(count) != 2 || count[1./2] != 3*2 || count[1./3] != 3*3 { // in each of three cells
		t.Errorf("weights %v", weights)
	}
	if got := droppedTerms(p); len(got) != len(weights) {
		t.Errorf("%d weights of the terms %v", len(weights), got)
	}
	if words := strings.Split(m.Text(n.places), ", "); words[3] != "nor_conv_1x1+nor_conv_3x3" || words[0] != "nor_conv_3x3" {
		t.Errorf("the mixture is called %q", words)
	}
	only := m.Without(3, nb201Conv1).Without(5, nb201Conv1).Without(5, nb201Pool)
	if a := s.Only(only); !slices.Equal(a, slices.Repeat(Arch{nb201Conv3}, 6)) || len(m.Operators(5)) != 3 {
		t.Errorf("the architecture %v is left of %v", a, m)
	}
	if _, _, err := n.MixtureProgram(only.Without(2, nb201Conv3)); err == nil || !strings.Contains(err.Error(), "a mixture without an operator at 2<-1") {
		t.Errorf("a mixture with an empty edge: %v", err)
	}
	if _, _, err := build(t, Config{Space: "nas-bench-macro"}).MixtureProgram(m); err == nil || !strings.Contains(err.Error(), "no networks with several operators") {
		t.Errorf("a mixture of another space: %v", err)
	}
}
