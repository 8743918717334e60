package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func ours(t *testing.T) map[string][]string {
	t.Helper()
	of, err := imports(root, tags)
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// TestImportsGoDown checks that each package is on one floor and imports only packages on the floors below.
func TestImportsGoDown(t *testing.T) {
	of := ours(t)
	floor := map[string]int{}
	for f, rooms := range floors {
		for _, r := range rooms {
			if _, twice := floor[r.folder]; twice {
				t.Errorf("%s stands on two floors", r.folder)
			}
			floor[r.folder] = f
			if _, ok := of[r.folder]; !ok {
				t.Errorf("%s is on floor %d, but there is no such package", r.folder, f)
			}
		}
	}
	for folder, list := range of {
		f, ok := floor[folder]
		if !ok {
			t.Errorf("%s is on no floor: add it to floors.go", folder)
			continue
		}
		for _, below := range list {
			if floor[below] <= f {
				t.Errorf("%s imports %s, which is not below it", folder, below)
			}
		}
	}
}

// TestPicture checks that docs/rooms.svg shows the present imports.
func TestPicture(t *testing.T) {
	kept, err := os.ReadFile(filepath.Join(root, "docs", "rooms.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != picture(ours(t)) {
		t.Error("docs/rooms.svg is not what the imports give: run go run ./tools/rooms")
	}
}

// TestRoomsAreDescribed checks that docs/architecture.md names the folder of each package.
func TestRoomsAreDescribed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	for folder := range ours(t) {
		if !strings.Contains(string(text), "`"+folder+"`") {
			t.Errorf("docs/architecture.md does not name %s", folder)
		}
	}
}

// TestCommandIsLight wants the command without packages that would double its build: gorgonia.org/tensor with arrow, and messages
// of protobuf (its bytes, protowire, are small). An HTTP stack comes with the NATS server and its clients; the
// command serves pages with it, and nothing else uses it.
func TestCommandIsLight(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{.Imports}}", "./cmd/bnas")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, "gorgonia.org/tensor") || strings.HasPrefix(name, "google.golang.org/protobuf/reflect") {
			t.Errorf("cmd/bnas imports %s", name)
		}
		if strings.HasPrefix(name, "bnas.example/") && name != "bnas.example/serve" && name != "bnas.example/cmd/bnas" && slices.Contains(strings.Fields(strings.Trim(imports, "[]")), "net/http") {
			t.Errorf("%s imports net/http", name)
		}
	}
}

func TestDirect(t *testing.T) {
	got := direct(map[string][]string{"a": {"b", "c"}, "b": {"c"}, "c": nil})
	if len(got["a"]) != 1 || got["a"][0] != "b" || len(got["b"]) != 1 {
		t.Errorf("direct imports %v, want a → b → c", got)
	}
}
