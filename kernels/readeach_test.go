package kernels_test

import (
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// A parameter that is not in the table is an error, as it is to Read.
func TestReadEachRefuses(t *testing.T) {
	d := ref.New()
	defer d.Close()
	s, err := d.NewStore([]kernels.Param{{Name: "gamma", Kind: kernels.Gamma, Shape: []int{3}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []kernels.ParamID{kernels.NoParam, 1} {
		if _, err := kernels.ReadEach(s, kernels.Data, 0, id); err == nil || !strings.Contains(err.Error(), "no parameter") {
			t.Errorf("parameter %d: error %v", id, err)
		}
	}
	if each, err := kernels.ReadEach(s, kernels.Data, 0); err != nil || len(each) != 1 || len(each[0]) != 3 {
		t.Errorf("%v, error %v", each, err)
	}
}
