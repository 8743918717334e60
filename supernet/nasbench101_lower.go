package supernet

import (
	"fmt"

	"bnas.example/kernels"
)

// Lower builds a 3×3 convolution, three stacks of cells with a 2×2 max pool before the second and third, global average,
// classifier. The number of channels doubles at each pool. The widths of a cell's operators depend on its graph: each uses
// the leading channels of its parameters.
func (s nasBench101) Lower(b *Builder, a Arch) error {
	c := b.Config()
	x := b.Sum("stem", b.BN("stem.1", b.Conv("stem.0", b.Images(), kernels.Linear, Conv{Out: c.Channels, Window: same3})))
	x = b.Sum("stem.2", b.Bare(b.Activated("stem.2", x, kernels.ReLU)))
	channels := c.Channels
	for i := range 3 * c.Cells {
		if i > 0 && i%c.Cells == 0 {
			name := fmt.Sprintf("pools.%d", i/c.Cells-1)
			x = b.Sum(name, b.Bare(b.MaxPool(name, x, kernels.Linear, kernels.Window{Kernel: 2, Stride: 2})))
			channels *= 2
		}
		graph := s.cell(a)
		out := newCell101Build(b, fmt.Sprintf("cells.%d", i), &graph, x, channels).lower()
		b.Block(fmt.Sprintf("cells.%d", i), x, out)
		x = out
	}
	x = b.Sum("pool", b.Bare(b.GlobalAvg("pool", x, kernels.Linear)))
	b.Linear("classifier", x, c.Classes)
	return nil
}

// cell101Build is a cell being built.
type cell101Build struct {
	*cell101
	b        *Builder
	name     string
	in       Feature
	full     int // channels of the cell, and of the parameters that its operators share with other cells' graphs
	channels [cell101Vertices]int
	readers  [cell101Vertices]int
	vertices [cell101Vertices]vertex101Out
}

// vertex101Out is the output of a vertex: act(x).
type vertex101Out struct {
	x         Feature
	act       kernels.Activation
	truncated map[int]Feature // by number of channels
}

func newCell101Build(b *Builder, name string, graph *cell101, in Feature, channels int) *cell101Build {
	c := &cell101Build{cell101: graph, b: b, name: name, in: in, full: channels, channels: graph.channels(channels)}
	for from := range c.n {
		for to := from + 1; to < c.n; to++ {
			if c.edge[from][to] {
				c.readers[from]++
			}
		}
	}
	return c
}

// lower builds the vertices and returns the output.
func (c *cell101Build) lower() Feature {
	for v := 1; v < c.n-1; v++ {
		c.vertices[v] = vertex101Out{c.operator(v), kernels.ReLU, map[int]Feature{}}
		if c.op[v] == cell101MaxPool && !c.b.Fair() {
			c.vertices[v].act = kernels.Linear // a maximum of values that are not negative
		}
	}
	return c.output()
}

// operator builds the operator of vertex v and returns its output before the ReLU.
func (c *cell101Build) operator(v int) Feature {
	b := c.b
	x, act := c.input(v)
	at := Spot{Place: v - 1, Operator: c.op[v], Module: fmt.Sprintf("%s.vertices.%d", c.name, v)}
	y := b.Operator(at, func() Summand {
		switch c.op[v] {
		case cell101Conv3:
			return b.SharedBN("1", b.Conv("0", x, act, Conv{Out: c.channels[v], Window: same3, SharedOut: c.full, SharedIn: c.full}), c.full)
		case cell101Conv1:
			return b.SharedBN("1", b.Conv("0", x, act, Conv{Out: c.channels[v], Window: same1, SharedOut: c.full, SharedIn: c.full}), c.full)
		}
		pooled := b.MaxPool("0", x, act, same3)
		if b.Fair() {
			return b.SharedBN("1", pooled, c.full)
		}
		return b.Bare(pooled)
	})
	return b.Sum(at.Module, y)
}

// input returns the sum of the inputs of inner vertex v, with an activation that it still lacks. Each input is truncated to
// the channels of v.
func (c *cell101Build) input(v int) (Feature, kernels.Activation) {
	sources := c.inner(v)
	if len(sources) == 0 {
		return c.projection(v), kernels.ReLU
	}
	if s := sources[0]; len(sources) == 1 && !c.edge[0][v] && c.readers[s] == 1 && c.channels[s] == c.channels[v] {
		return c.vertices[s].x, c.vertices[s].act
	}
	var sum []Summand
	for _, s := range sources {
		sum = append(sum, c.b.Identity(c.rectified(s, c.channels[v])))
	}
	if c.edge[0][v] {
		sum = append(sum, c.rectifiedProjection(v))
	}
	return c.b.Sum(fmt.Sprintf("%s.inputs.%d", c.name, v), sum...), kernels.Linear
}

// rectified returns the first channels of the output of vertex v, stored once for all that read it.
func (c *cell101Build) rectified(v, channels int) Feature {
	out := &c.vertices[v]
	if x, ok := out.truncated[channels]; ok {
		return x
	}
	name := fmt.Sprintf("%s.vertices.%d.2", c.name, v)
	x, act := out.x, out.act
	switch {
	case channels < c.channels[v]:
		if c.readers[v] > 1 {
			x, act = c.rectified(v, c.channels[v]), kernels.Linear
		}
		name += fmt.Sprintf("[:%d]", channels)
		x = c.b.Sum(name, c.b.Bare(c.b.Truncated(name, x, act, channels)))
	case act != kernels.Linear:
		x = c.b.Sum(name, c.b.Bare(c.b.Activated(name, x, act)))
	}
	out.truncated[channels] = x
	return x
}

// projection builds the convolution and the BatchNorm on the edge from the cell's input to v. It belongs to no place.
func (c *cell101Build) projection(v int) Feature {
	name := fmt.Sprintf("%s.projections.%d", c.name, c.number(v))
	conv := c.b.Conv(name+".0", c.in, kernels.Linear, Conv{Out: c.channels[v], Window: same1, SharedOut: c.full})
	return c.b.Sum(name, c.b.SharedBN(name+".1", conv, c.full))
}

// number is v among seven vertices: the output is always the last.
func (c *cell101Build) number(v int) int {
	if v == c.n-1 {
		return cell101Vertices - 1
	}
	return v
}

func (c *cell101Build) rectifiedProjection(v int) Summand {
	return c.b.Bare(c.b.Activated(fmt.Sprintf("%s.projections.%d.2", c.name, c.number(v)), c.projection(v), kernels.ReLU))
}

// output returns the sum of the concatenated inner vertices before the output and the projection of the input.
func (c *cell101Build) output() Feature {
	last := c.n - 1
	var sum []Summand
	switch sources := c.inner(last); {
	case len(sources) == 1:
		sum = append(sum, c.b.Identity(c.rectified(sources[0], c.full)))
	case len(sources) > 1:
		act := kernels.ReLU // applied here if nothing else reads the vertices
		for _, s := range sources {
			if c.readers[s] > 1 || c.vertices[s].act == kernels.Linear {
				act = kernels.Linear
			}
		}
		var xs []Feature
		for _, s := range sources {
			if act == kernels.Linear {
				xs = append(xs, c.rectified(s, c.channels[s]))
			} else {
				xs = append(xs, c.vertices[s].x)
			}
		}
		sum = append(sum, c.b.Bare(c.b.Concat(c.name+".concat", act, xs...)))
	}
	if c.edge[0][last] {
		sum = append(sum, c.rectifiedProjection(last))
	}
	return c.b.Sum(c.name, sum...)
}
