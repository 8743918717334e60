package run

import (
	"bnas.example/kernels/cpu"
	"bnas.example/supernet"
)

// AutoNumerics lets a new run choose the numerics of the CPU engine. The run folder has the choice.
const AutoNumerics = "auto"

// Numerics lists the values of Config.Numerics.
func Numerics() []string {
	names := []string{AutoNumerics}
	for _, n := range cpu.AllNumerics {
		names = append(names, string(n))
	}
	return names
}

// engineNumerics are the numerics of the CPU engine. AutoNumerics are fast, but strict where fast brings nothing: where the weights
// of convolutions train too, and on a processor without instructions for numbers of 16 bits (docs/speed.md).
func (c *Config) engineNumerics() cpu.Numerics {
	if c.Numerics != AutoNumerics {
		return cpu.Numerics(c.Numerics)
	}
	if c.Train.Train == supernet.All || !cpu.PrefersFast() {
		return cpu.Strict
	}
	return cpu.Fast
}
