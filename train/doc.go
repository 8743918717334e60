// Package train is the scheduler of BN-only supernet training: the convolutions stay at their random initialisation
// and only γ and β (or what [Config.Train] names) of the sampled path are updated.
//
// Everything random (the path of a step, the shuffling and augmentation of its batch) is a function of (seed, step),
// so a checkpoint needs no generator state, and a run that was killed and resumed ends with the same bits as one that
// was not.
//
// Running statistics are neither kept nor stored. A BatchNorm of a weight-sharing supernet sees another network before
// it at each step, so its running averages describe no sub-network; [OneShot] and the indicators recompute the
// statistics of the sub-network at hand (Guo et al., "Single path one-shot", ECCV 2020, §3.4).
package train
