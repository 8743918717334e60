package supernet

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bnas.example/kernels"
)

// Weights are the parameters of one architecture, given by another program and checked against the network.
type Weights struct {
	net    *Net
	arrays []Array
	ids    []kernels.ParamID // of each array
}

// Weights returns the parameters of a from the arrays of a state dict, named as Net.StateDict names them. Each parameter must be
// there with its shape and finite values, and no array of another name. Running statistics and counters of BatchNorms are
// passed over, and may be missing: they are recomputed from images.
func (n *Net) Weights(a Arch, arrays []Array) (*Weights, error) {
	b, err := n.record(a)
	if err != nil {
		return nil, err
	}
	given := map[string]Array{}
	for _, x := range arrays {
		given[x.Name] = x
	}
	w := &Weights{net: n}
	var missing []string
	for _, m := range b.modules {
		for i, id := range m.params {
			name := b.exported[id]
			x, ok := given[name]
			delete(given, name)
			switch {
			case !ok:
				missing = append(missing, name)
				continue
			case !slices.Equal(x.Shape, m.shapes[i]):
				return nil, fmt.Errorf("%s has the shape %v, the network needs %v", name, x.Shape, m.shapes[i])
			case len(x.Values) != kernels.Param{Shape: x.Shape}.Len():
				return nil, fmt.Errorf("%s has %d values for the shape %v", name, len(x.Values), x.Shape)
			}
			if at := slices.IndexFunc(x.Values, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }); at >= 0 {
				return nil, fmt.Errorf("element %d of %s is %v, must be finite", at, name, x.Values[at])
			}
			w.arrays, w.ids = append(w.arrays, x), append(w.ids, id)
		}
		if m.kind == BatchNormModule {
			for _, buffer := range []string{"running_mean", "running_var", "num_batches_tracked"} {
				delete(given, m.name+"."+buffer)
			}
		}
	}
	var extra []string
	for _, x := range arrays {
		if _, left := given[x.Name]; left {
			extra = append(extra, x.Name)
		}
	}
	if len(missing)+len(extra) > 0 {
		return nil, fmt.Errorf("these are not the tensors of %s: %s", n.Space.Format(a), differences(missing, extra))
	}
	return w, nil
}

// differences describes missing and extra names in a line.
func differences(missing, extra []string) string {
	var parts []string
	for _, d := range []struct {
		what  string
		names []string
	}{{"missing", missing}, {"not of the network", extra}} {
		if len(d.names) == 0 {
			continue
		}
		text := d.names[0]
		if more := len(d.names) - 1; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, d.what+" "+text)
	}
	return strings.Join(parts, ", ")
}

// Len returns the number of tensors and of values.
func (w *Weights) Len() (tensors, values int) {
	for _, x := range w.arrays {
		values += len(x.Values)
	}
	return len(w.arrays), values
}

// Write writes the parameters to a store of the supernet. Parameters of other paths, and the part of a parameter that the
// architecture does not use, keep their values.
func (w *Weights) Write(store kernels.Store) error {
	for i, id := range w.ids {
		p := w.net.params[id]
		whole := w.arrays[i].Values
		if !slices.Equal(p.Shape, w.arrays[i].Shape) {
			whole = make([]float32, p.Len())
			if err := store.Read(kernels.Data, whole, id); err != nil {
				return fmt.Errorf("supernet: %s: %w", p.Name, err)
			}
			put(p.View(w.arrays[i].Shape...), whole, w.arrays[i].Values)
		}
		if err := store.Write(kernels.Data, whole, id); err != nil {
			return fmt.Errorf("supernet: %s: %w", p.Name, err)
		}
	}
	return nil
}

// put writes part to the elements of a view and leaves the rest of whole.
func put(v kernels.View, whole, part []float32) {
	for r := range v.Rows {
		copy(whole[r*v.Stride:][:v.Len], part[r*v.Len:])
	}
}
