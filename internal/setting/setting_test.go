package setting

import (
	"math"
	"testing"
	"time"
)

type inner struct {
	Rate float64 `yaml:"rate" range:"(0,1]"`
}

type config struct {
	Count  int           `yaml:"count" range:"[1,64]"`
	Decay  float64       `yaml:"decay" range:"[0,inf)"`
	Budget time.Duration `yaml:"budget" range:"[0,inf)"`
	Share  float64       `yaml:"share" range:"[0,1)"`
	Free   int           `yaml:"free"`
	Inner  inner         `yaml:"inner"`
}

func valid() config { return config{Count: 1, Inner: inner{Rate: 1}} }

func TestRanges(t *testing.T) {
	for want, change := range map[string]func(*config){
		"":                        func(*config) {},
		"c.count 0: must be 1…64": func(c *config) { c.Count = 0 },
		"c.count 9223372036854775807: must be 1…64":                func(c *config) { c.Count = math.MaxInt },
		"c.decay -1: must be at least 0":                           func(c *config) { c.Decay = -1 },
		"c.decay NaN: must be at least 0":                          func(c *config) { c.Decay = math.NaN() },
		"c.decay +Inf: must be finite, at least 0":                 func(c *config) { c.Decay = math.Inf(1) },
		"c.budget -1s: must be at least 0":                         func(c *config) { c.Budget = -time.Second },
		"c.share 1: must be at least 0, below 1":                   func(c *config) { c.Share = 1 },
		"c.inner.rate 0: must be above 0, at most 1":               func(c *config) { c.Inner.Rate = 0 },
		"c.count 65: must be 1…64; c.decay -1: must be at least 0": func(c *config) { c.Count, c.Decay = 65, -1 },
	} {
		c := valid()
		change(&c)
		got := ""
		if err := Ranges("c", c).Or(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

// OwnRanges does not look into the structs inside.
func TestOwnRanges(t *testing.T) {
	c := valid()
	c.Count, c.Inner.Rate = 65, 0
	if got := OwnRanges("", c).Error(); got != "count 65: must be 1…64" {
		t.Errorf("%q", got)
	}
}

func TestWrongTag(t *testing.T) {
	for _, tag := range []string{"", "1,2", "[1,2", "[1;2]", "[a,2]", "[1,b]"} {
		if _, err := parse(tag); err == nil {
			t.Errorf("%q was read", tag)
		}
	}
}
