package train

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Position is the progress of a run.
type Position struct {
	Step, Total   int
	StepsPerEpoch int
	Settled       bool                 // the run ended early because its ranking had settled
	Running       *supernet.Statistics // of a network that was trained on its own; nil: the run keeps none
	Tests         Tests
	// Damage is the error of the newest checkpoint if it could not be read and the one before it was used.
	Damage error
}

// ReadPosition reads the progress of the run in dir from its newest checkpoint, without its network. It reads the head of the file
// alone: a checkpoint whose arrays are damaged is found by Restore. Running is nil. For a folder without a checkpoint the error is
// fs.ErrNotExist.
func ReadPosition(dir string) (Position, error) {
	h, err := loadHead(filepath.Join(dir, CheckpointName))
	if err != nil {
		if h, err = loadHead(filepath.Join(dir, PredecessorName)); err != nil {
			return Position{}, fmt.Errorf("train: %w", err)
		}
	}
	return h.at(), nil
}

// at returns the position of a checkpoint, without its running statistics.
func (h *header) at() Position {
	return Position{Step: h.State.Step, Total: h.Total, StepsPerEpoch: h.StepsPerEpoch, Settled: h.State.Ranking.Settled, Tests: h.State.Tests}
}

// Done reports whether training has come to its end.
func (p Position) Done() bool { return p.Step >= p.Total || p.Settled }

// Restore writes the trained parameters of a run (γ and β; the classifier or all weights if they trained) to a store that
// holds the initial parameters of the same supernet (see supernet.Net.Fill). If the run keeps their average, it writes that. It does not change the run folder. It is an
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
	if err := c.copy(store, averaged, kernels.Data); err != nil {
		return Position{}, fmt.Errorf("train: %s: %w", dir, err)
	}
	running, err := decodeRunning(c.State.Running)
	if err != nil {
		return Position{}, fmt.Errorf("train: %s: %w", dir, err)
	}
	at := c.at()
	at.Running, at.Damage = running, damage
	return at, nil
}

// write writes the arrays of the given slots to the store.
func (c *checkpoint) write(store kernels.Store, slots ...kernels.Slot) error {
	known := map[string]bool{}
	for _, p := range store.Params() {
		known[p.Name] = true
	}
	for _, a := range c.Arrays {
		if !known[a.Param] {
			return fmt.Errorf("checkpoint: the network has no parameter %q", a.Param)
		}
	}
	for _, slot := range slots {
		if err := c.copy(store, slot, slot); err != nil {
			return err
		}
	}
	return nil
}

// copy writes the arrays of a slot to a slot of the store.
func (c *checkpoint) copy(store kernels.Store, from, to kernels.Slot) error {
	at, ids := arraysOf(c.Arrays, from, store.Params())
	var all []float32
	for _, i := range at {
		all = append(all, c.values[i]...)
	}
	if err := store.Write(to, all, ids...); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
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
	zeros := make([]float32, kernels.Elements(t.net.Params(), t.trained))
	for _, slot := range t.cfg.moments() {
		if err := t.store.Write(slot, zeros, t.trained...); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	if err := c.write(t.store, append(t.cfg.moments(), kernels.Data)...); err != nil {
		return err
	}
	if t.running != nil {
		kept, err := decodeRunning(s.Running)
		if err == nil && kept == nil {
			err = fmt.Errorf("%w: it has no running statistics", errDamaged)
		}
		if err == nil {
			err = kept.Check(t.network)
		}
		if err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		t.running.Statistics = *kept
	}
	if t.average != nil {
		t.average.values = t.average.values[:0]
		at, _ := arraysOf(c.Arrays, averaged, t.net.Params())
		for _, i := range at {
			t.average.values = append(t.average.values, c.values[i]...)
		}
	}
	t.state = s
	t.state.Running = nil
	return nil
}
