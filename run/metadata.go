package run

import "encoding/json"

// ImageMetadata returns what a user of an exported network must know of its images, beside supernet.Net.Metadata: `data`,
// the name of the set; `class_names`; `mean` and `std`, three numbers for pixels in 0…1, which the network saw as
// (x − mean)/std. The values are JSON. It returns nil if the run has no images.
func (r *Run) ImageMetadata() (map[string]string, error) {
	if r.Images == nil {
		return nil, nil
	}
	mean, std := r.Images.Normal()
	for c := range mean {
		mean[c] /= 255
		std[c] /= 255
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
