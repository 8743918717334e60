package gpu

import "testing"

func TestUsageOf(t *testing.T) {
	for _, a := range Architectures {
		usage, err := UsageOf(a)
		if err != nil {
			t.Fatal(err)
		}
		u := usage["conv_fp32"]
		if u.Registers < 32 || u.Registers > 255 || u.Shared < 0 || u.Shared > 4096 {
			t.Errorf("sm_%d: conv_fp32 takes %+v", a, u)
		}
	}
	if _, err := UsageOf(35); err == nil {
		t.Error("there is an sm_35")
	}
}
