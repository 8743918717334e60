package ptx

// loadMatrix builds ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16: lane 8i + r gives the address of row r of matrix i,
// eight 16-bit elements; register i of lane l gets elements 2(l mod 4) and the next of row l / 4, of the transpose where
// it is asked for.
func (b *builder) loadMatrix(in *instr) (op, error) {
	if err := wantArgs(in, 2); err != nil {
		return op{}, err
	}
	const n = 4
	trans := in.op == "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16"
	if !trans && in.op != "ldmatrix.sync.aligned.m8n8.x4.shared.b16" {
		return op{}, errOperand("unknown instruction")
	}
	d, err := b.elements(in.args[0], n, func(o operand) (int, error) { return b.dst(o, typeOf["b32"]) })
	if err != nil {
		return op{}, err
	}
	a := access{space: inShared}
	if in.args[1].kind != addressOperand {
		return op{}, errOperand("an operand is no address")
	}
	if err := b.base(&a, in.args[1]); err != nil {
		return op{}, err
	}
	return op{kind: opCollective, member: -1, run: func(w *warp, _ uint32) {
		var rows [n][8][]byte
		for i := range n * 8 {
			row := w.readShared(i, w.regs[a.base][i]+a.offset, 16)
			if row == nil {
				return
			}
			rows[i/8][i%8] = row
		}
		for i, d := range d {
			for l := range w.regs[d] {
				r, c := l/4, l%4*2
				if trans {
					w.regs[d][l] = littleEndian(rows[i][c][2*r:2*r+2]) | littleEndian(rows[i][c+1][2*r:2*r+2])<<16
				} else {
					w.regs[d][l] = littleEndian(rows[i][r][2*c : 2*c+4])
				}
			}
		}
	}}, nil
}
