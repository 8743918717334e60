package run

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/search"
	"bnas.example/supernet"
)

// Setup is what the provenance of scores says about them, for a reader.
type Setup struct {
	Space     string `json:"space"`
	BN        string `json:"bn"`
	Cells     int    `json:"cells"` // 0: the space has a fixed depth
	Channels  int    `json:"channels"`
	Height    int    `json:"height"`
	Width     int    `json:"width"`
	Grey      bool   `json:"grey,omitempty"`    // the images have one channel
	Seed      uint64 `json:"seed"`              // of the frozen weights
	Holdout   string `json:"holdout,omitempty"` // how many images are held out, and by which seed
	Images    int    `json:"images"`
	ScoreSeed uint64 `json:"score_seed"`
	// ImageSeed and DirectionSeed are 0 if they are ScoreSeed.
	ImageSeed     uint64 `json:"image_seed,omitempty"`
	DirectionSeed uint64 `json:"direction_seed,omitempty"`
	Repeats       int    `json:"repeats"`
	Device        string `json:"device"`
	// Arithmetic is the instruction set and the numerics; "": an older program did not say it.
	Arithmetic string        `json:"arithmetic,omitempty"`
	Data       string        `json:"data_sha256"`
	Made       []search.Made `json:"made"` // the versions of the program that computed the scores; null: an older one did not say it
}

// ReadSetup reads the setup of a score file. It is nil if nothing beside the file says it.
func ReadSetup(scores string) (*Setup, error) {
	from, err := search.ReadProvenance(scores)
	key := from.Key
	if key["supernet"] == "" || err != nil {
		return nil, err
	}
	var net supernet.Config
	var score indicator.Config
	for part, into := range map[string]any{"supernet": &net, "scoring": &score} {
		if err := yaml.Unmarshal([]byte(key[part]), into); err != nil {
			return nil, fmt.Errorf("the setup of the scores in %s: %s: %w", scores, part, err)
		}
	}
	score = score.WithDefaults()
	return &Setup{
		Space: net.Space, BN: string(net.BN), Cells: net.Cells, Channels: net.Channels, Height: net.Height, Width: net.Width, Grey: net.ImageChannels == 1, Seed: net.Seed,
		Images: score.Images, Holdout: key["holdout"],
		ScoreSeed: score.Seed, ImageSeed: score.ImageSeed, DirectionSeed: score.DirectionSeed, Repeats: int(score.Repeats), Device: key["device"], Arithmetic: key["arithmetic"],
		Data: key["data"], Made: from.Made,
	}, nil
}

// String describes the setup in one line, without Made. The hash of the images is cut.
func (s *Setup) String() string {
	cells, grey, seeds := "", "", ""
	if s.ImageSeed != 0 {
		seeds += fmt.Sprintf(" (images %d)", s.ImageSeed)
	}
	if s.DirectionSeed != 0 {
		seeds += fmt.Sprintf(" (directions %d)", s.DirectionSeed)
	}
	if s.Grey {
		grey = " grey"
	}
	if s.Cells > 0 {
		cells = fmt.Sprintf("cells %d, ", s.Cells)
	}
	text := fmt.Sprintf("%s, BatchNorm %s, %schannels %d, %d×%d%s, seed %d; scored with images %d, seed %d%s, repeats %d; device %s",
		s.Space, s.BN, cells, s.Channels, s.Height, s.Width, grey, s.Seed, s.Images, s.ScoreSeed, seeds, s.Repeats, s.Device)
	if s.Arithmetic != "" {
		text += ", " + s.Arithmetic
	}
	return text + "; data " + s.Data[:min(12, len(s.Data))]
}
