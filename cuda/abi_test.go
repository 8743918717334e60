package cuda

import (
	"reflect"
	"slices"
	"testing"
	"unsafe"
)

// The host's structures are the kernels': as large, and of nothing but fields of 8 bytes.
func TestABI(t *testing.T) {
	driver, err := NewEmulated(EmulatorOptions{Check: true})
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Close()
	types := []any{
		abiBatchNorm{}, abiTerm{}, abiNode{}, abiTiling{}, abiStatistics{}, abiOutput{}, abiForward{}, abiSource{}, abiIncoming{},
		abiSums{}, abiBackward{}, abiWeightGradient{}, abiSampleBN{}, abiParameter{},
	}
	want := []int64{affineBytes, affineBytes}
	for _, s := range types {
		eightBytes(t, reflect.TypeOf(s))
		want = append(want, int64(reflect.TypeOf(s).Size()))
	}
	got := make([]int64, len(want))
	at, err := driver.Alloc(int64(len(got)) * int64(unsafe.Sizeof(got[0])))
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Free(at)
	o := blocks("abi_sizes", 1, 1, at)
	if err := driver.Launch(Compute, &o.Launch); err != nil {
		t.Fatal(err)
	}
	if err := driver.CopyOut(Compute, bytesOf(got), at); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the kernels' structures have %v bytes, the host's %v", got, want)
	}
}

func eightBytes(t *testing.T, s reflect.Type) {
	switch s.Kind() {
	case reflect.Struct:
		for i := range s.NumField() {
			eightBytes(t, s.Field(i).Type)
		}
	case reflect.Array:
		eightBytes(t, s.Elem())
	default:
		if s.Size() != 8 {
			t.Errorf("a field of %d bytes: %v", s.Size(), s)
		}
	}
}
