package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"bnas.example/internal/setting"
)

// departure is why training ends before its last step. A rank that wants to leave says so with its parts of a step, and all ranks
// drop that step: their numbers of steps stay equal.
type departure uint8

const (
	interruption departure = 1 << iota // the context has ended
	exhaustion                         // the time budget is used up
	settlement                         // the ranking has settled
)

func (d departure) has(reason departure) bool { return d&reason != 0 }

// leaving is why this process wants to leave.
func (t *Trainer) leaving() (d departure) {
	if t.stopped() != nil {
		d |= interruption
	}
	if t.spent() {
		d |= exhaustion
	}
	if t.Settled() {
		d |= settlement
	}
	return d
}

// departs is why the run ends now: as this process wants it, or as all ranks know it.
func (t *Trainer) departs() departure {
	if t.exchange.Ranks() > 1 {
		return t.departure
	}
	return t.leaving()
}

// leads reports whether this process writes the run folder, ranks and reports.
func (t *Trainer) leads() bool { return t.exchange.Rank() == 0 }

// Join makes this process a rank of several. It is an error if a step has fewer parts than there are ranks. Call it before Resume.
func (t *Trainer) Join(x Exchange) error {
	if parts := t.parts(); x.Ranks() > parts {
		return setting.Errorf("train.shards", "%d: a step has %d parts for %d processes: its paths times its shards; set it to a number that divides the batch of %d, as of one process too",
			t.cfg.Shards, parts, x.Ranks(), t.cfg.Batch)
	}
	t.exchange = x
	return nil
}

// meet compares the ranks before the first step: all must compute the same steps, from the same state, with the same bits.
func (t *Trainer) meet() error {
	x := t.exchange
	if x.Ranks() == 1 {
		return nil
	}
	sum := sha256.New()
	h := t.position()
	if err := writeCheckpoint(sum, h, t.values(h.Arrays, pieceFloats)); err != nil {
		return err
	}
	fields := append([]Field{{"device", h.Device}, {"step", strconv.Itoa(t.state.Step)}}, t.identity...)
	all, err := gatherJSON(x, append(fields, Field{"parameters (hash)", hex.EncodeToString(sum.Sum(nil)[:8])}))
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for rank, other := range all {
		for i, f := range all[0] {
			if i < len(other) && other[i] != f {
				return fmt.Errorf("train: %s has %s %s, %s has %s: all machines need the same program, images, kind of processor and run folder",
					x.Name(rank), other[i].Name, other[i].Value, x.Name(0), f.Value)
			}
		}
	}
	return nil
}
