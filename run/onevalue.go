package run

import "log/slog"

// warnOfOneValue logs a warning if a BatchNorm sees one value a channel in a training step. The value less its mean is then 0:
// the output is β whatever the image is, and γ learns nothing.
func (r *Run) warnOfOneValue(log *slog.Logger) error {
	images := r.Config.Train.Batch / max(r.Config.Train.Shards, 1)
	if images > 1 || log == nil {
		return nil
	}
	for _, a := range r.Net.Space.Cover() {
		p, err := r.Net.Program(a)
		if err != nil {
			return err
		}
		for _, bn := range p.BNs {
			if s := p.Values[bn.Value].Shape; s.H*s.W*images == 1 {
				log.Warn("a BatchNorm sees one value a channel in a training step and learns nothing: train with more images a step, or with larger ones",
					"layer", bn.Name, "images a step", images)
				return nil
			}
		}
	}
	return nil
}
