package run

import "testing"

func FuzzConfig(f *testing.F) {
	f.Add([]byte("seed: 3\ntrain:\n  lr: 0.1\n"))
	f.Add([]byte("supernet: {space: nas-bench-macro, bn: standard}\nscore: {terms: [naswot]}"))
	f.Add([]byte("train: [1, 2]"))
	f.Add([]byte("a: &x [*x]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := Default()
		f, err := parseFile("fuzz", text)
		if err == nil && f.Apply(&c) == nil {
			_ = c.Validate()
		}
	})
}
