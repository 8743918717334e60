package ptx

import "math"

// multiply builds mma.sync.aligned.m16n8kK.row.col.f32.T.T.f32 d, a, b, c: d = a·b + c with a 16×K, b K×8 and c, d 16×8
// float32. In lane l, with g = l / 4 and t = l mod 4:
//
//	c, d: rows g, g, g+8, g+8 and columns 2t, 2t+1, 2t, 2t+1
//	tf32 (K = 8): a rows g, g+8, g, g+8, columns t, t, t+4, t+4; b rows t, t+4, column g
//	16 bit (K = 16, two to a register): a rows g, g+8, g, g+8, columns from 2t, 2t, 2t+8, 2t+8; b rows from 2t, 2t+8
func (b *builder) multiply(in *instr) (op, error) {
	var k int
	var t string
	for _, form := range []struct {
		shape, t string
		k        int
	}{{"m16n8k8", "tf32", 8}, {"m16n8k16", "f16", 16}, {"m16n8k16", "bf16", 16}} {
		if in.op == "mma.sync.aligned."+form.shape+".row.col.f32."+form.t+"."+form.t+".f32" {
			k, t = form.k, form.t
		}
	}
	if k == 0 {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, 4); err != nil {
		return op{}, err
	}
	per := 2 // values of k to a register
	if t == "tf32" {
		per = 1
	}
	na, nb := 16*k/(32*per), 8*k/(32*per)
	bits := func(o operand) (int, error) { return b.src(o, typeOf["b32"]) }
	d, err := b.elements(in.args[0], 4, func(o operand) (int, error) { return b.dst(o, typeOf["f32"]) })
	if err != nil {
		return op{}, err
	}
	as, err := b.elements(in.args[1], na, bits)
	if err != nil {
		return op{}, err
	}
	bs, err := b.elements(in.args[2], nb, bits)
	if err != nil {
		return op{}, err
	}
	cs, err := b.elements(in.args[3], 4, func(o operand) (int, error) { return b.src(o, typeOf["f32"]) })
	if err != nil {
		return op{}, err
	}
	decode := fragmentDecoder(t)
	return op{kind: opCollective, member: -1, run: func(w *warp, _ uint32) {
		var x [16][16]float32 // a
		var y [8][16]float32  // b, its columns as rows
		for i, s := range as {
			row, col := i%2*8, i/2*4*per
			for l, v := range w.regs[s] {
				for h := range per {
					x[row+l/4][col+l%4*per+h] = decode(v >> (16 * h))
				}
			}
		}
		for i, s := range bs {
			for l, v := range w.regs[s] {
				for h := range per {
					y[l/4][i*4*per+l%4*per+h] = decode(v >> (16 * h))
				}
			}
		}
		var out [4]vec
		for i := range out {
			c := &w.regs[cs[i]]
			for l := range out[i] {
				xs, ys := &x[l/4+i/2*8], &y[l%4*2+i%2]
				sum := float64(float32of(c[l]))
				for j := range k {
					sum += float64(xs[j]) * float64(ys[j])
				}
				out[i][l] = bits32(float32(sum))
			}
		}
		for i, d := range d {
			w.regs[d] = out[i]
		}
	}}, nil
}

// fragmentDecoder makes float32 of the low bits of an element. The tensor cores read the upper 19 bits of a tf32.
func fragmentDecoder(t string) func(uint64) float32 {
	switch t {
	case "f16":
		return func(v uint64) float32 { return halfTable[v&0xffff] }
	case "bf16":
		return func(v uint64) float32 { return math.Float32frombits(uint32(v&0xffff) << 16) }
	}
	return func(v uint64) float32 { return math.Float32frombits(uint32(v) &^ 0x1fff) }
}
