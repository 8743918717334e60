package ptx

import (
	"strings"
	"testing"

	"bnas.example/kernels/gpu"
)

// only are the operations that no archive has, each with its reason.
var only = map[string]string{
	"trap":   "the tests of faults need a kernel that fails at a known place",
	"membar": "the kernels of the tests are compiled with __threadfence",
}

// The interpreter has no operation that the compiler does not use. Operations of one name and class of types are one:
// all widths of an integer, both floats.
func TestOperationsAreShipped(t *testing.T) {
	names, words := map[string]bool{}, map[string]bool{}
	modules, err := gpu.PTX()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		s, err := parseSource(string(m.Image))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range s.functions {
			for _, st := range f.body {
				if st.instr != nil {
					names[operation(st.instr.op)], words[st.instr.parts[0]] = true, true
				}
			}
		}
	}
	for name := range simples {
		if !names[operation(name)] {
			t.Errorf("%s: no kernel has an operation %s", name, operation(name))
		}
	}
	for word := range families {
		if _, excused := only[word]; words[word] == excused {
			t.Errorf("%s: in a kernel: %v, in the list of those that are not: %v", word, words[word], excused)
		}
	}
	for word := range only {
		if families[word] == nil {
			t.Errorf("%s: the interpreter does not have it either", word)
		}
	}
	for name := range floatConversions {
		if name = operation("cvt." + name); !names[name] {
			t.Errorf("no kernel has an operation %s", name)
		}
	}
}

// operation is a name with the classes of its types: min.s32 is min.int.
func operation(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		t, ok := typeOf[p]
		switch {
		case !ok || i == 0:
		case t.isInt():
			parts[i] = "int"
		case p == "f32" || p == "f64":
			parts[i] = "float"
		case t.class == bitsClass:
			parts[i] = "bits"
		}
	}
	return strings.Join(parts, ".")
}
