package run

import (
	"bnas.example/philox"
	"bnas.example/supernet"
)

// LiveSample draws n live architectures that are different networks: fewer if a thousand draws for each do not find
// them. It is a function of the seed and the purpose.
func LiveSample(net *supernet.Net, n int, seed uint64, purpose string) []supernet.Arch {
	r := philox.New(seed, purpose, 0)
	seen := map[string]bool{}
	var sample []supernet.Arch
	for tries := 0; len(sample) < n && tries < 1000*n; tries++ {
		a := supernet.Random(net.Space, r)
		key := net.Space.Canonical(a)
		if net.Dead(a) || seen[key] {
			continue
		}
		seen[key] = true
		sample = append(sample, a)
	}
	return sample
}
