package train

import "math"

// Schedule is the shape of the learning rate over the run.
type Schedule string

const (
	Cosine   Schedule = "cosine"   // min + (lr−min)·(1+cos πt)/2
	Linear   Schedule = "linear"   // lr + (min−lr)·t
	Constant Schedule = "constant" // lr
)

// Rate returns the learning rate of a step in 0..total−1. The first Warmup steps rise linearly, lr·(step+1)/Warmup; after
// them t = (step−Warmup)/(total−Warmup), as in PyTorch's schedulers: the last step is one short of t = 1.
func (c Config) Rate(step, total int) float64 {
	if step < c.Warmup {
		return c.LR * float64(step+1) / float64(c.Warmup)
	}
	t := float64(step-c.Warmup) / float64(max(total-c.Warmup, 1))
	switch c.Schedule {
	case Cosine:
		return c.MinLR + (c.LR-c.MinLR)*(1+math.Cos(math.Pi*t))/2
	case Linear:
		return c.LR + (c.MinLR-c.LR)*t
	default:
		return c.LR
	}
}
