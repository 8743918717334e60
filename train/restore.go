package train

import (
	"fmt"
	"log/slog"
	"slices"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Position is the progress of a run.
type Position struct {
	Step, Total   int
	StepsPerEpoch int
	Settled       bool // the run ended early because its ranking had settled
	// Damage is the error of the newest checkpoint if it could not be read and the one before it was used.
	Damage error
}

// Restore writes the trained parameters of a run (γ and β; the classifier or all weights if they trained) to a store that
// holds the initial parameters of the same supernet (see supernet.Net.Fill). It does not change the run folder. It is an
// error if the run has another network; the error names the field that differs. For a folder without a checkpoint the
// error is fs.ErrNotExist.
func Restore(dir string, net *supernet.Net, store kernels.Store) (Position, error) {
	c, damage, err := load(dir)
	if err != nil {
		return Position{}, err
	}
	if err := c.matches(netIdentity(net)); err != nil {
		return Position{}, fmt.Errorf("train: %s: %w", dir, err)
	}
	if damage != nil {
		slog.Warn("the newest checkpoint cannot be read; using the one before it", "step", c.State.Step, "reason", damage)
	}
	values := 0
	for _, a := range c.Arrays {
		if a.Slot == kernels.Data {
			values++
		}
	}
	if values != len(c.State.Counts) {
		return Position{}, fmt.Errorf("train: %s: %w: values of %d parameters, %d trained", dir, errDamaged, values, len(c.State.Counts))
	}
	if err := c.write(store, kernels.Data); err != nil {
		return Position{}, fmt.Errorf("train: %s: %w", dir, err)
	}
	return Position{
		Step: c.State.Step, Total: c.Total, StepsPerEpoch: c.StepsPerEpoch,
		Settled: c.State.Ranking.Settled, Damage: damage,
	}, nil
}

// write writes the arrays of the given slots to the store.
func (c *checkpoint) write(store kernels.Store, slots ...kernels.Slot) error {
	ids := map[string]kernels.ParamID{}
	for id, p := range store.Params() {
		ids[p.Name] = kernels.ParamID(id)
	}
	for i, a := range c.Arrays {
		id, ok := ids[a.Param]
		if !ok {
			return fmt.Errorf("checkpoint: the network has no parameter %q", a.Param)
		}
		if !oneOf(a.Slot, slots...) {
			continue
		}
		if err := store.Write(id, a.Slot, c.values[i]); err != nil {
			return fmt.Errorf("checkpoint: %s: %w", a.Param, err)
		}
	}
	return nil
}

// restore sets the state of the trainer to that of the checkpoint. Optimizer slots that the checkpoint lacks are zeros.
func (t *Trainer) restore(c *checkpoint) error {
	s := c.State
	if len(s.Counts) != len(t.trained) || s.Step < 0 || s.Step > t.total || s.Lines < 0 || len(s.Ranking.Scores)%8 != 0 {
		return fmt.Errorf("checkpoint: its position is not one of this run (step %d of %d, %d of %d counts)",
			s.Step, t.total, len(s.Counts), len(t.trained))
	}
	if !slices.Equal(c.Arrays, t.arrays(s.Counts)) {
		return fmt.Errorf("checkpoint: %w: its arrays are not those of this run", errDamaged)
	}
	params := t.net.Params()
	for _, id := range t.trained {
		for _, slot := range t.cfg.moments() {
			if err := t.store.Write(id, slot, make([]float32, params[id].Len())); err != nil {
				return fmt.Errorf("checkpoint: %s: %w", params[id].Name, err)
			}
		}
	}
	if err := c.write(t.store, append(t.cfg.moments(), kernels.Data)...); err != nil {
		return err
	}
	t.state = s
	return nil
}
