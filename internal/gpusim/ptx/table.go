package ptx

// simple is an instruction without side effects that works on each lane alone: d = f(a, b, c).
type simple struct {
	dst typ
	src []typ
	f   lanewise
}

// simples are all such instructions by their full name; setp, selp, cvt and mov, whose operands are not all plain
// registers, have builders of their own.
var simples = map[string]simple{}

// define enters an instruction whose operands have types by name.
func define(name string, f lanewise, dst string, src ...string) {
	s := simple{dst: typeOf[dst], f: f}
	for _, t := range src {
		s.src = append(s.src, typeOf[t])
	}
	simples[name] = s
}

func init() {
	defineIntegers()
	defineProducts()
	defineLogic()
	defineCounts()
	defineFloat32()
	defineFloat64()
	defineApproximations()
}
