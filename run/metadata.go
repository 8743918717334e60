package run

import "encoding/json"

// ImageMetadata returns what a user of an exported network must know of its images, beside supernet.Net.Metadata: `data`,
// the name of the set; `class_names`; `mean` and `std`, a number for each channel of pixels in 0…1, which the network saw as
// (x − mean)/std. The values are JSON. It returns nil if the run has no images.
func (r *Run) ImageMetadata() (map[string]string, error) {
	if r.Images == nil {
		return nil, nil
	}
	ofBytes, stdOfBytes := r.Images.Normal()
	mean, std := make([]float64, len(ofBytes)), make([]float64, len(ofBytes))
	for c := range mean {
		mean[c], std[c] = ofBytes[c]/255, stdOfBytes[c]/255
	}
	texts := map[string]string{"data": r.Images.Name()}
	for name, value := range map[string]any{"class_names": r.Images.Classes(), "mean": mean, "std": std} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		texts[name] = string(text)
	}
	return texts, nil
}
