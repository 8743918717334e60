package run

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// drawn are the random parts of a scoring, as texts.
type drawn struct{ weights, division, images, directions string }

func drawnBy(t *testing.T, cfg Config) drawn {
	t.Helper()
	cfg.Device, cfg.Train.RankEvery = "cpu", 0
	r := untrained(t, cfg)
	weights, err := r.parametersHash()
	if err != nil {
		t.Fatal(err)
	}
	c := r.Config.Score
	batch, err := r.UnseenImages(8, c.SeedOfImages(), "score images")
	if err != nil {
		t.Fatal(err)
	}
	// One network and fixed images: what differs in a term is the directions.
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Channels: 4, Cells: 1, Height: 8, Width: 8, Classes: 10, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	store, err := net.NewStore(r.Device)
	if err != nil {
		t.Fatal(err)
	}
	c.Images, c.NTKImages, c.Terms = 8, 2, []string{"ntk"}
	fixed := indicator.Inputs{Images: make([]float32, c.ImagesNeeded()*3*8*8), Labels: make([]int, c.ImagesNeeded())}
	for i := range fixed.Images {
		fixed.Images[i] = float32(i*7919%1009)/500 - 1
	}
	s, err := indicator.NewScorer(net, r.Device, store, fixed, c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := net.Space.Parse(ownArchs[0])
	if err != nil {
		t.Fatal(err)
	}
	scores, err := s.Score(a)
	if err != nil {
		t.Fatal(err)
	}
	return drawn{weights, fmt.Sprint(r.HeldOut[:20]), fmt.Sprint(batch.Images[:200]), fmt.Sprint(scores.Values)}
}

// TestSeeds: each seed decides its own part alone. The division decides from which images those of the scoring are drawn.
func TestSeeds(t *testing.T) {
	base := tiny()
	base.SetSeed(5)
	want := drawnBy(t, base)
	for name, c := range map[string]struct {
		set     func(*Config)
		differs string
	}{
		"the same":   {func(c *Config) { c.Data.SplitSeed, c.Score.ImageSeed, c.Score.DirectionSeed = 5, 5, 5 }, ""},
		"weights":    {func(c *Config) { c.Supernet.Seed = 6 }, "weights"},
		"division":   {func(c *Config) { c.Data.SplitSeed = 6 }, "division images"},
		"images":     {func(c *Config) { c.Score.ImageSeed = 6 }, "images"},
		"directions": {func(c *Config) { c.Score.DirectionSeed = 6 }, "directions"},
		"all":        {func(c *Config) { c.SetSeed(6) }, "weights division images directions"},
	} {
		cfg := base
		c.set(&cfg)
		got := drawnBy(t, cfg)
		var differs []string
		for _, part := range []struct {
			name string
			same bool
		}{
			{"weights", got.weights == want.weights}, {"division", got.division == want.division},
			{"images", got.images == want.images}, {"directions", got.directions == want.directions},
		} {
			if !part.same {
				differs = append(differs, part.name)
			}
		}
		if text := strings.Join(differs, " "); text != c.differs {
			t.Errorf("%s: %q differ, want %q", name, text, c.differs)
		}
	}
}

// TestSeedsOfRepeats: each repeat has a seed of its own for what has a seed of its own.
func TestSeedsOfRepeats(t *testing.T) {
	c := indicator.Config{Seed: 1, ImageSeed: 2}
	if got := c.Repeat(0); got.SeedOfImages() != 2 || got.SeedOfDirections() != 1 {
		t.Errorf("repeat 0: %+v", got)
	}
	got := c.Repeat(3)
	if got.SeedOfImages() != indicator.RepeatSeed(2, 3) || got.SeedOfDirections() != indicator.RepeatSeed(1, 3) || got.DirectionSeed != 0 {
		t.Errorf("repeat 3: %+v", got)
	}
}

// TestSeedsAreRecorded: the key, its setup and the report name the seeds that differ, and no others.
func TestSeedsAreRecorded(t *testing.T) {
	cfg := tiny()
	cfg.SetSeed(5)
	r := untrained(t, cfg)
	plain, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	if r.Config.seedText() != "5" || strings.Contains(plain["scoring"], "_seed") || plain["holdout"] != "1000 of seed 5" {
		t.Errorf("seeds %s, key %v", r.Config.seedText(), plain)
	}
	r.Config.Score.ImageSeed, r.Config.Score.DirectionSeed = 5, 5
	if same, err := r.Key(); err != nil || same["scoring"] != plain["scoring"] {
		t.Errorf("equal seeds give another key: %v (%v)", same, err)
	}
	r.Config.Score.ImageSeed, r.Config.Score.DirectionSeed, r.Config.Data.SplitSeed, r.Config.Supernet.Seed = 6, 7, 8, 9
	key, err := r.Key()
	if err != nil || !strings.Contains(key["scoring"], "image_seed: 6\ndirection_seed: 7") || key["holdout"] != "1000 of seed 8" {
		t.Errorf("key %v (%v)", key, err)
	}
	if got, want := r.Config.seedText(), "5; weights 9; division of the images 8; scoring images 6; directions 7"; got != want {
		t.Errorf("seeds %q, want %q", got, want)
	}
	s := Setup{Space: "s", ImageSeed: 6, DirectionSeed: 7}
	if text := s.String(); !slices.Contains(strings.Split(text, ", "), "seed 0 (images 6) (directions 7)") {
		t.Errorf("setup %s", text)
	}
	cfg.Supernet.Seed, cfg.Data.SplitSeed, cfg.Score.ImageSeed = 9, 8, 6
	cfg.Spread()
	if cfg.Supernet.Seed != 9 || cfg.Data.SplitSeed != 8 || cfg.Score.ImageSeed != 6 || cfg.Score.DirectionSeed != 0 || cfg.Train.Seed != 5 {
		t.Errorf("spread: %+v", cfg)
	}
}
