package run

import (
	"bnas.example/ntk"
	"bnas.example/supernet"
)

// Regimes returns a function that compares the tangent kernel of a live architecture with its kernel at initialisation.
// It uses n images that were held out from training, or training images if too few were held out. If there are too few of
// both, the error is an *ImagesError.
func (r *Run) Regimes(n int) (func(supernet.Arch) (ntk.Regime, error), error) {
	batch, err := r.UnseenImages(n, r.Config.Score.SeedOfImages(), "ntk images")
	if err != nil {
		return nil, err
	}
	start, err := r.initialStore()
	if err != nil {
		return nil, err
	}
	return func(a supernet.Arch) (ntk.Regime, error) {
		p, err := r.Net.Program(a)
		if err != nil {
			return ntk.Regime{}, err
		}
		return ntk.Compare(r.Device, p, start, r.Store, batch.Images)
	}, nil
}
