package train

import (
	"fmt"

	"bnas.example/kernels"
)

// average is the exponential moving average of the trained parameters: after each update θ̄ = d·θ̄ + (1−d)·θ, with θ̄ the
// initial parameters at the start. It is on the host, one parameter after the other.
type average struct {
	ids    []kernels.ParamID
	at     map[kernels.ParamID][2]int // where a parameter begins and ends
	values []float32
	now    []float32 // the parameters themselves
}

func newAverage(store kernels.Store, ids []kernels.ParamID) (*average, error) {
	n := kernels.Elements(store.Params(), ids)
	a := &average{ids: ids, at: map[kernels.ParamID][2]int{}, values: make([]float32, n), now: make([]float32, n)}
	begin := 0
	for _, id := range ids {
		end := begin + store.Params()[id].Len()
		a.at[id], begin = [2]int{begin, end}, end
	}
	return a, a.read(store, a.values)
}

// of returns the average of a parameter.
func (a *average) of(id kernels.ParamID) []float32 { return a.values[a.at[id][0]:a.at[id][1]] }

func (a *average) read(store kernels.Store, into []float32) error {
	if err := store.Read(kernels.Data, into, a.ids...); err != nil {
		return fmt.Errorf("average of the parameters: %w", err)
	}
	return nil
}

// queue reads the store's parameters; add adds them.
func (a *average) queue(store kernels.Store) *kernels.Pending[kernels.Nothing] {
	return store.QueueRead(kernels.Data, a.now, a.ids...)
}

func (a *average) add(decay float64) {
	for i, v := range a.now {
		a.values[i] = float32(decay*float64(a.values[i]) + (1-decay)*float64(v))
	}
}

// during calls f while the store's parameters are the averages.
func (a *average) during(store kernels.Store, f func() error) error {
	if a == nil {
		return f()
	}
	if err := a.read(store, a.now); err != nil {
		return err
	}
	if err := store.Write(kernels.Data, a.values, a.ids...); err != nil {
		return fmt.Errorf("average of the parameters: %w", err)
	}
	err := f()
	if back := store.Write(kernels.Data, a.now, a.ids...); back != nil {
		return fmt.Errorf("average of the parameters: %w", back)
	}
	return err
}

// averaged is the slot of the averages in a checkpoint; a Store has none.
const averaged kernels.Slot = 16
