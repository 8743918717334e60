package run

import (
	"bnas.example/internal/setting"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// newNet makes the supernet of a run, with the auxiliary head if the run trains one.
func newNet(cfg Config) (*supernet.Net, error) {
	net, err := supernet.New(cfg.Supernet)
	if err != nil || cfg.Train.AuxWeight == 0 {
		return net, err
	}
	if err := supernet.CheckAuxiliary(net.Config); err != nil {
		return nil, setting.Errorf("train.auxiliary_weight", "%v: %v; set it to 0", cfg.Train.AuxWeight, err)
	}
	return supernet.NewAuxiliary(cfg.Supernet)
}

// AuxiliaryHead returns the parameters of the auxiliary head of a run that trains one network with it: their entries of the table, and
// the values with which training starts. Without a head there are none.
func (r *Run) AuxiliaryHead() (params []kernels.Param, values [][]float32, err error) {
	a, err := r.Own()
	if err != nil || a == nil || r.Config.Train.AuxWeight == 0 {
		return nil, nil, err
	}
	network, err := r.Net.Program(a)
	if err != nil {
		return nil, nil, err
	}
	training, err := r.Net.TrainingProgram(a, supernet.Training{AuxWeight: r.Config.Train.AuxWeight})
	if err != nil {
		return nil, nil, err
	}
	own := network.Shapes()
	for _, id := range r.Net.Trainable(supernet.All, training) {
		if own[id] == nil {
			params, values = append(params, r.Net.Params()[id]), append(values, r.Net.Initial(id))
		}
	}
	return params, values, nil
}
