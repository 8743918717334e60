package run

import (
	"fmt"

	"bnas.example/ntk"
	"bnas.example/supernet"
)

// Regimes returns a function that compares the tangent kernel of a live architecture with its kernel at initialisation,
// on n images that were held back from training, or on training images where too few were held back. Too few of both is
// an *ImagesError.
func (r *Run) Regimes(n int) (func(supernet.Arch) (ntk.Regime, error), error) {
	batch, err := r.UnseenImages(n, r.Config.Score.Seed, "ntk images")
	if err != nil {
		return nil, err
	}
	images, ok := batch.Images.Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("images are %v, want float32", batch.Images.Dtype())
	}
	start, err := r.Device.NewStore(r.Net.Params())
	if err == nil {
		err = r.Net.Fill(start)
	}
	if err != nil {
		return nil, err
	}
	return func(a supernet.Arch) (ntk.Regime, error) {
		p, err := r.Net.Program(a)
		if err != nil {
			return ntk.Regime{}, err
		}
		return ntk.Compare(r.Device, p, start, r.Store, images)
	}, nil
}
