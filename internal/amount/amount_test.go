package amount

import (
	"math/big"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		n    any
		want string
	}{{0, "0 networks"}, {1, "1 network"}, {2, "2 networks"}, {11, "11 networks"}, {big.NewInt(1), "1 network"}, {big.NewInt(15625), "15625 networks"}} {
		if got := Of(c.n, "network"); got != c.want {
			t.Errorf("%v: %q, want %q", c.n, got, c.want)
		}
	}
}
