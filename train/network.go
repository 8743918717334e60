package train

import (
	"errors"
	"fmt"

	"bnas.example/internal/setting"
	"bnas.example/kernels"
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
	if t.cfg.AuxWeight == 0 {
		return nil
	}
	if _, err := t.dev.Compile(t.training, t.store, t.cfg.Batch); errors.Is(err, kernels.ErrUnsupported) {
		return setting.Errorf("train.auxiliary_weight", "%v: the device %s has no auxiliary head; cpu and reference have it", t.cfg.AuxWeight, t.dev.Info().Name)
	}
	return nil // Run reports other errors of the device
}
