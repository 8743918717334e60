package ptx

// Counts say what launches have done.
type Counts struct {
	Launches         int
	Instructions     uint64            // of threads
	WarpInstructions uint64            // of warps
	Ops              map[string]uint64 // of threads, by instruction
	Loaded, Stored   uint64            // bytes that threads moved from and to global memory, cached or not
}

// Plus adds the counts of other launches.
func (c Counts) Plus(d Counts) Counts {
	sum := Counts{
		c.Launches + d.Launches, c.Instructions + d.Instructions, c.WarpInstructions + d.WarpInstructions,
		map[string]uint64{}, c.Loaded + d.Loaded, c.Stored + d.Stored,
	}
	for _, ops := range []map[string]uint64{c.Ops, d.Ops} {
		for op, n := range ops {
			sum.Ops[op] += n
		}
	}
	return sum
}

// count adds up what the workers did.
func (l *launch) count(runs []*worker) Counts {
	c := Counts{Launches: 1, Ops: map[string]uint64{}}
	for _, r := range runs {
		c.WarpInstructions += r.b.steps
		for i, n := range r.b.counts {
			if n == 0 {
				continue
			}
			o := &l.program.code[i]
			c.Instructions += n
			c.Ops[o.in.op] += n
			if o.store {
				c.Stored += n * uint64(o.global)
			} else {
				c.Loaded += n * uint64(o.global)
			}
		}
	}
	return c
}
