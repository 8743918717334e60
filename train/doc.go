// Package train is the scheduler of BN-only supernet training: the convolutions stay at their random initialisation
// and only γ and β (or what [Config.Train] names) of the sampled path are updated.
//
// Each random choice (the path of a step, the shuffling and augmentation of its batch) is a function of (seed, step). A
// checkpoint therefore needs no generator state, and a run that was killed and resumed ends with the same bits as an
// uninterrupted one.
//
// Running statistics are not kept. In a weight-sharing supernet the layers before a BatchNorm change with each sampled
// path, so running averages describe no sub-network. [OneShot] and the indicators recompute the statistics of each
// sub-network (Guo et al., "Single path one-shot", ECCV 2020, §3.4).
package train
