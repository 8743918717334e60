package cuda

import (
	"slices"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// gram is how the products of the rows of an n×P matrix are cut over blocks: pairs of tiles of 16 rows, and chunks of the columns. It
// does not depend on the GPU, so neither do the bits.
type gram struct{ rows, columns, pairs, chunks, chunk int }

const (
	gramTile    = 16   // rows
	gramColumns = 32   // that a block has in shared memory at a time
	gramBlocks  = 1024 // enough for every GPU; their sums take 2 MiB
)

func gramOf(rows, columns int) gram {
	tiles := ceilDiv(rows, gramTile)
	g := gram{rows: rows, columns: columns, pairs: tiles * (tiles + 1) / 2}
	least := ceilDiv(columns, max(1, gramBlocks/g.pairs))
	g.chunk = gramColumns * ceilDiv(max(8*gramColumns, least), gramColumns)
	g.chunks = ceilDiv(columns, g.chunk)
	return g
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// partialBytes is the size of the blocks' sums, matrixBytes that of the products.
func (g gram) partialBytes() int64 { return 8 * gramTile * gramTile * int64(g.pairs) * int64(g.chunks) }

func (g gram) matrixBytes() int64 { return 8 * int64(g.rows) * int64(g.rows) }

// ops are the launches that set dst to the products, or add them to it. factors are those of the columns, 0 for ones.
func (g gram) ops(dst, partial, matrix, factors driver.Ptr, add bool) []Work {
	return []Work{
		blocks("jacobian_gram", g.pairs*g.chunks, 1, partial, matrix, factors, g.rows, g.columns, g.chunks, g.chunk),
		simple("gram_total", g.rows*g.rows, dst, partial, g.rows, g.chunks, add),
	}
}

// NodeGram writes the products of the images' gradients at a node. The padding of a map is zeros, so that an image is one row.
func (e *exec) NodeGram(dst []float64, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	at, err := e.propagate(to, seed, from)
	if err != nil || at == 0 {
		clear(dst)
		return err
	}
	s := e.p.Nodes[to].Shape
	g := gramOf(e.n, s.H*s.W*pitchOf(s.C))
	var room layout
	out, partial := room.bytes(g.matrixBytes()), room.bytes(g.partialBytes())
	if err := e.probe.reserve(e.driver, room.size); err != nil {
		return err
	}
	if err := e.queue(g.ops(e.probed(out), e.probed(partial), at, 0, false)...); err != nil {
		return err
	}
	return e.driver.CopyOut(driver.Compute, bytesOf(dst), e.probed(out))
}

// probed is an address in the probe buffer.
func (e *exec) probed(offset int64) driver.Ptr { return e.probe.base + driver.Ptr(offset) }

// Tangents makes the Jacobian of one direction after the other on the device, and adds its products to the kernels. It waits once.
func (e *exec) Tangents(t kernels.Tangents) (kernels.TangentSums, error) {
	sums := kernels.TangentSums{Columns: make([]float32, len(t.Directions)*e.n*len(t.Columns))}
	for range t.Factors {
		sums.Kernels = append(sums.Kernels, make([]float64, e.n*e.n))
	}
	if len(e.p.BNs) == 0 || len(t.Directions) == 0 || len(t.Factors)+len(t.Columns) == 0 {
		return sums, nil
	}
	norms, err := e.sampleNorms()
	if err != nil {
		return sums, err
	}
	x := e.tangentRoom(t, len(bytesOf(norms)))
	if err := e.probe.reserve(e.driver, x.size); err != nil {
		return sums, err
	}
	if err := e.upload(e.probed(x.norms), bytesOf(norms)); err != nil {
		return sums, err
	}
	if err := e.upload(e.probed(x.which), bytesOf(t.Columns)); err != nil {
		return sums, err
	}
	for i, c := range t.Factors {
		if err := e.upload(e.probed(x.factors[i]), bytesOf(c)); err != nil {
			return sums, err
		}
	}
	for i, v := range t.Directions {
		if err := e.addTangent(x, t, i, v, len(norms)); err != nil {
			return sums, err
		}
	}
	results := make([]byte, x.size-x.kernels)
	if err := e.driver.CopyOut(driver.Compute, results, e.probed(x.kernels)); err != nil {
		return sums, err
	}
	for i, k := range sums.Kernels {
		copy(bytesOf(k), results[int64(i)*x.gram.matrixBytes():])
	}
	copy(bytesOf(sums.Columns), results[x.columns-x.kernels:])
	return sums, nil
}

// tangentRoom is where Tangents has its data in the probe buffer. The results lie from kernels to the end.
type tangentRoom struct {
	layout
	gram                                                    gram
	norms, seed, jacobian, which, partial, kernels, columns int64
	factors                                                 []int64
}

func (e *exec) tangentRoom(t kernels.Tangents, norms int) tangentRoom {
	n, p := int64(e.n), int64(e.p.BNParams())
	x := tangentRoom{gram: gramOf(e.n, e.p.BNParams())}
	x.norms, x.seed, x.jacobian = x.bytes(int64(norms)), x.bytes(4*n*int64(e.p.Classes())), x.bytes(4*n*p)
	x.which, x.partial = x.bytes(8*int64(len(t.Columns))), x.bytes(x.gram.partialBytes())
	for _, c := range t.Factors {
		x.factors = append(x.factors, x.bytes(8*int64(len(c))))
	}
	x.kernels = x.bytes(x.gram.matrixBytes() * int64(len(t.Factors)))
	x.columns = x.bytes(4 * n * int64(len(t.Directions)*len(t.Columns)))
	return x
}

// addTangent queues direction i, v.
func (e *exec) addTangent(x tangentRoom, t kernels.Tangents, i int, v []float32, norms int) error {
	if err := e.seedLogits(e.probed(x.seed), slices.Repeat(v, e.n)); err != nil {
		return err
	}
	jacobian := e.probed(x.jacobian)
	if err := e.sampleInto(jacobian, e.probed(x.norms), norms); err != nil {
		return err
	}
	var ops []Work
	for k, c := range t.Factors {
		var factors driver.Ptr
		if c != nil {
			factors = e.probed(x.factors[k])
		}
		kernel := e.probed(x.kernels + int64(k)*x.gram.matrixBytes())
		ops = append(ops, x.gram.ops(kernel, e.probed(x.partial), jacobian, factors, i > 0)...)
	}
	if count := len(t.Columns); count > 0 {
		dst := e.probed(x.columns + 4*int64(i*e.n*count))
		ops = append(ops, simple("jacobian_columns", e.n*count, dst, jacobian, e.probed(x.which), e.n, e.p.BNParams(), count))
	}
	return e.queue(ops...)
}
