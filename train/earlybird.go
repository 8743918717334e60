package train

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"bnas.example/rank"
)

// ranking is the state of the early bird (Chen et al., "BN-NAS", ICCV 2021: the ranking by the parameters of BatchNorm
// settles long before the loss). It has the last snapshot of the scores of a fixed sample of architectures, and the number
// of successive snapshots that agreed with the one before.
type ranking struct {
	At      int    // the step of the last snapshot; −1: none yet
	Scores  []byte // float64, little-endian: infinities are legal scores
	Row     int    // successive agreements ≥ Config.Settled
	Settled bool   // the run is to end, or has ended, because of it
}

// rankIfDue takes a snapshot if one is due at the state's step and is not yet taken. If the Ranker fails because ctx has
// ended, the resumed run takes the snapshot.
func (t *Trainer) rankIfDue(ctx context.Context) error {
	s := &t.state
	if !t.rankDue(s.Step) || ctx.Err() != nil {
		return nil
	}
	if err := t.sound(); err != nil {
		return err
	}
	scores, err := t.Ranker(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("train: step %d: ranking: %w", s.Step, err)
	}
	line := RankLine{Kind: "rank", Step: s.Step}
	if s.Ranking.At >= 0 {
		before := decodeFloats(s.Ranking.Scores)
		if len(before) != len(scores) {
			return fmt.Errorf("train: step %d: ranking: %d scores, %d at step %d", s.Step, len(scores), len(before), s.Ranking.At)
		}
		tau := rank.KendallTauB(before, scores)
		if tau >= t.cfg.Settled {
			s.Ranking.Row++
		} else {
			s.Ranking.Row = 0
		}
		if !math.IsNaN(tau) && !math.IsInf(tau, 0) {
			line.Tau = &tau
		}
	}
	s.Ranking.At, s.Ranking.Scores = s.Step, encodeFloats(scores)
	s.Ranking.Settled = t.cfg.EarlyBird && s.Ranking.Row >= t.cfg.Patience
	line.Settled = s.Ranking.Row
	return t.write(line)
}

// rankDue reports whether a snapshot is due after a number of updates.
func (t *Trainer) rankDue(step int) bool {
	return t.Ranker != nil && t.cfg.RankEvery > 0 && t.state.Ranking.At != step && (step%t.cfg.RankEvery == 0 || step == t.total)
}

// encodeFloats returns values for a checkpoint, to the bit; decodeFloats is its inverse.
func encodeFloats(values []float64) []byte {
	b := make([]byte, 0, 8*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func decodeFloats(b []byte) []float64 {
	values := make([]float64, len(b)/8)
	for i := range values {
		values[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return values
}
