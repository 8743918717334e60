package indicator

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"bnas.example/internal/wholefile"
	"bnas.example/supernet"
)

// definitionsFile has the values of all terms of a network, and the number of the definitions that they are of.
type definitionsFile struct {
	Definitions int               `json:"definitions"`
	Terms       map[string]string `json:"terms"` // as text: JSON has no −Inf
}

// TestDefinitions: a term whose value changes raises Definitions. BNAS_UPDATE=1 then writes the values anew.
func TestDefinitions(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	cfg := small
	cfg.Terms = []string{AllTerms}
	got := named(b.must(t, b.scorer(t, cfg), mixed))
	path := filepath.Join("testdata", "definitions.json")
	var kept definitionsFile
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		t.Fatal(err)
	}
	update := os.Getenv("BNAS_UPDATE") != ""
	for name, was := range kept.Terms {
		want, err := strconv.ParseFloat(was, 64)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
		now, has := got[name]
		same := now == want || math.Abs(now-want) <= 1e-3*math.Abs(want)+1e-9
		if has && !same && kept.Definitions == Definitions {
			t.Fatalf("%s is %v and was %v: raise Definitions, then BNAS_UPDATE=1 go test -run TestDefinitions ./indicator", name, now, want)
		}
	}
	if !update && (kept.Definitions != Definitions || len(kept.Terms) != len(got)) {
		t.Errorf("%s is of %d terms and definitions %d, the program has %d and %d: BNAS_UPDATE=1 go test -run TestDefinitions ./indicator",
			path, len(kept.Terms), kept.Definitions, len(got), Definitions)
	}
	if update {
		kept = definitionsFile{Definitions, map[string]string{}}
		for name, v := range got {
			kept.Terms[name] = strconv.FormatFloat(v, 'g', 6, 64)
		}
		text, err := json.MarshalIndent(kept, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := wholefile.Write(path, append(text, '\n')); err != nil {
			t.Fatal(err)
		}
	}
}
