package train

import (
	"math"
	"testing"
)

func TestRate(t *testing.T) {
	base := Config{LR: 0.4, MinLR: 0.1}
	tests := []struct {
		name     string
		schedule Schedule
		warmup   int
		step     int
		want     float64
	}{
		{"cosine starts at lr", Cosine, 0, 0, 0.4},
		{"cosine is half way in the middle", Cosine, 0, 50, 0.25},
		{"cosine at a quarter", Cosine, 0, 25, 0.1 + 0.3*(1+math.Sqrt2/2)/2},
		{"cosine ends one step before min", Cosine, 0, 99, 0.1 + 0.3*(1+math.Cos(math.Pi*0.99))/2},
		{"linear starts at lr", Linear, 0, 0, 0.4},
		{"linear in the middle", Linear, 0, 50, 0.25},
		{"linear ends one step before min", Linear, 0, 99, 0.103},
		{"constant", Constant, 0, 99, 0.4},
		{"warm-up begins above zero", Cosine, 20, 0, 0.02},
		{"warm-up reaches lr", Cosine, 20, 19, 0.4},
		{"cosine begins after warm-up", Cosine, 20, 20, 0.4},
		{"cosine is half way in the middle of the rest", Cosine, 20, 60, 0.25},
		{"constant with warm-up", Constant, 4, 1, 0.2},
	}
	for _, test := range tests {
		c := base
		c.Schedule, c.Warmup = test.schedule, test.warmup
		if got := c.Rate(test.step, 100); !(math.Abs(got-test.want) <= 1e-12) {
			t.Errorf("%s: Rate(%d) = %v, want %v", test.name, test.step, got, test.want)
		}
	}
}
