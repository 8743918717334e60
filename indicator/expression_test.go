package indicator

import (
	"slices"
	"strings"
	"testing"
)

func TestParseComposite(t *testing.T) {
	for _, c := range []struct {
		text, name     string
		terms, against []string
		wrong          string
	}{
		{"naswot+bn_noise", "naswot+bn_noise", []string{"naswot", "bn_noise"}, nil, ""},
		{" naswot + macs − depth", "naswot+macs-depth", []string{"naswot", "macs", "depth"}, []string{"depth"}, ""},
		{"-depth+macs", "-depth+macs", []string{"depth", "macs"}, []string{"depth"}, ""},
		{"+depth", "+depth", []string{"depth"}, nil, ""},
		{"naswot", "naswot", []string{"naswot"}, nil, ""},
		{"", "", nil, nil, "a term is missing"},
		{"naswot++depth", "", nil, nil, "a term is missing"},
		{"naswot-", "", nil, nil, "a term is missing at the end"},
		{"naswot+nonsense", "", nil, nil, `no term "nonsense"`},
		{"naswot+macs-naswot", "", nil, nil, "naswot twice"},
	} {
		got, err := ParseComposite(c.text)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q: error %v, want %q in it", c.text, err, c.wrong)
			}
			continue
		}
		if err != nil || got.Name != c.name || !slices.Equal(got.Terms, c.terms) || !slices.Equal(got.Against, c.against) {
			t.Errorf("%q: %+v, %v", c.text, got, err)
		}
	}
}

// FuzzParseComposite: what is read is valid, and reads the same again from its name.
func FuzzParseComposite(f *testing.F) {
	for _, s := range []string{"naswot+bn_noise-depth", "-ntk", "a+b", "−", "naswot + macs"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseComposite(text)
		if err != nil {
			return
		}
		again, err := ParseComposite(c.Name)
		if err != nil || !slices.Equal(again.Terms, c.Terms) || !slices.Equal(again.Against, c.Against) || again.Name != c.Name {
			t.Errorf("%q: %+v, then %+v, %v", text, c, again, err)
		}
	})
}

func TestCompositeWithoutCost(t *testing.T) {
	c := Composite{Name: "mine", Terms: []string{"naswot", "macs", "ntk", "depth"}, Against: []string{"ntk", "depth"}}
	others, cost := c.Without(Size)
	if !slices.Equal(others.Terms, []string{"naswot", "ntk"}) || !slices.Equal(others.Against, []string{"ntk"}) || others.Name != "mine without cost" {
		t.Errorf("%+v", others)
	}
	if !slices.Equal(cost.Terms, []string{"macs", "depth"}) || !slices.Equal(cost.Against, []string{"depth"}) || cost.Name != "cost of mine" {
		t.Errorf("%+v", cost)
	}
}
