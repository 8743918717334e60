package kerneltest

import (
	"reflect"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// FuzzCompile changes numbers of a legal program. The result must be refused or must run. Three bytes of input are one
// change: two choose the number, one is its new value.
func FuzzCompile(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 1, 0, 200})
	f.Add([]byte{0, 40, 2, 0, 41, 0xff, 0, 50, 3})
	f.Fuzz(func(t *testing.T, changes []byte) {
		c := Cell(1, kernels.Shape{C: 2, H: 4, W: 4}, 2)
		numbers := integers(reflect.ValueOf(c.Program).Elem(), nil)
		for ; len(changes) >= 3; changes = changes[3:] {
			n := numbers[(int(changes[0])<<8|int(changes[1]))%len(numbers)]
			n.SetInt(int64(int8(changes[2])))
		}
		if err := c.Program.Validate(); err != nil {
			return
		}
		if c.Program.String() == "" || work(c.Program) > 1e6 {
			return
		}
		d := ref.New()
		s, err := c.NewStore(d)
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Compile(c.Program, s, 2)
		if err != nil {
			return // its parameters have other shapes
		}
		images := make([]float32, 2*c.Program.Values[kernels.Images].Len())
		if err := e.Forward(images, 2); err != nil {
			t.Fatal(err)
		}
		if err := e.CrossEntropy([]int{0, 0}, 0); err != nil {
			t.Fatal(err)
		}
		if err := e.Backward(kernels.DifferentiateStatistics, true); err != nil {
			t.Fatal(err)
		}
	})
}

// work bounds the operations of a run: the stored elements, times the window and the input channels.
func work(p *kernels.Program) int {
	total := 0
	for _, s := range p.Steps {
		for _, v := range s.Outputs() {
			total += p.Values[v].Len() * (1 + s.Kernel*s.Kernel) * p.Nodes[s.In[0]].C
		}
	}
	return total
}

// integers lists every number in v that can be set.
func integers(v reflect.Value, list []reflect.Value) []reflect.Value {
	switch v.Kind() {
	case reflect.Int:
		list = append(list, v)
	case reflect.Struct:
		for i := range v.NumField() {
			list = integers(v.Field(i), list)
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = integers(v.Index(i), list)
		}
	}
	return list
}
