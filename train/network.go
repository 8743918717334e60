package train

import (
	"fmt"

	"bnas.example/internal/setting"
	"bnas.example/supernet"
)

// lowerFixed lowers the fixed path, as it is tested and as it is trained: with the factors of drop-path and the auxiliary head.
func (t *Trainer) lowerFixed() (err error) {
	if t.network, err = t.net.Program(t.fixed); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	t.training, err = t.net.TrainingProgram(t.fixed, supernet.Training{DropPath: t.cfg.DropPath > 0, AuxWeight: t.cfg.AuxWeight})
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if t.cfg.DropPath > 0 && t.training.Factors() == 0 {
		return setting.Errorf("train.drop_path", "%v: %s has no operator that is dropped; set it to 0", t.cfg.DropPath, t.net.Space.Name())
	}
	return nil
}
