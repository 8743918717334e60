package run

import (
	"encoding/json"
	"math"
	"testing"

	"bnas.example/data"
)

func TestImageMetadata(t *testing.T) {
	set, err := data.Open(data.Options{Name: "fashion", Height: 8})
	if err != nil {
		t.Fatal(err)
	}
	m, err := (&Run{Images: set}).ImageMetadata()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var mean, std []float64
	for name, v := range map[string]any{"class_names": &names, "mean": &mean, "std": &std} {
		if err := json.Unmarshal([]byte(m[name]), v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(names) != 10 || names[9] != "Ankle boot" || m["data"] != "fashion" {
		t.Errorf("%v", m)
	}
	bytesMean, bytesStd := set.Normal()
	for c := range 3 {
		if !(math.Abs(mean[c]*255-bytesMean[c]) <= 1e-9 && math.Abs(std[c]*255-bytesStd[c]) <= 1e-9) {
			t.Errorf("channel %d: mean %g and std %g, of bytes %g and %g", c, mean[c], std[c], bytesMean[c], bytesStd[c])
		}
	}
	if m, err := (&Run{}).ImageMetadata(); m != nil || err != nil {
		t.Errorf("without images: %v, %v", m, err)
	}
}
