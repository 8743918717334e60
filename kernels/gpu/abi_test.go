package gpu_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"bnas.example/kernels/gpu"
)

// mirrored are the structures of abi.cuh in its order.
var mirrored = []any{
	gpu.Affine{}, gpu.Slope{}, gpu.BatchNorm{}, gpu.Term{}, gpu.Node{}, gpu.Tiling{}, gpu.Statistics{}, gpu.Output{}, gpu.Forward{}, gpu.Source{}, gpu.Incoming{}, gpu.Sums{}, gpu.Backward{},
	gpu.WeightGradient{}, gpu.SampleBN{}, gpu.Parameter{}, gpu.Piece{}, gpu.View{},
}

// The Go structures have the fields of abi.cuh: the same names, order and types.
func TestABIMirror(t *testing.T) {
	source, err := gpu.Sources.ReadFile("abi.cuh")
	if err != nil {
		t.Fatal(err)
	}
	declared := structures(t, string(source))
	if len(declared) != len(mirrored) {
		t.Errorf("abi.cuh has %d structures, the mirror %d", len(declared), len(mirrored))
	}
	for i, m := range mirrored {
		own := reflect.TypeOf(m)
		if i >= len(declared) || declared[i].name != own.Name() {
			t.Fatalf("structure %d is not %s in abi.cuh", i, own.Name())
		}
		var fields []string
		for _, f := range fieldsOf(own) {
			fields = append(fields, snake(f.Name)+" "+cType(f.Type))
		}
		if got, want := strings.Join(fields, "\n"), strings.Join(declared[i].fields, "\n"); got != want {
			t.Errorf("%s: the mirror has\n%s\nabi.cuh has\n%s", own.Name(), got, want)
		}
		unit := uintptr(8)
		if own == reflect.TypeOf(gpu.Affine{}) || own == reflect.TypeOf(gpu.Slope{}) {
			unit = 4
		}
		checkUnits(t, own, unit)
	}
}

// structure is one struct of a C header: its fields as "name type", pointers without what they point to.
type structure struct {
	name   string
	fields []string
}

var (
	structPattern = regexp.MustCompile(`(?s)struct (?:alignas\(\d+\) )?(\w+) \{(.*?)\n\};`)
	fieldPattern  = regexp.MustCompile(`^(\*?)\s*(\w+)(\[\d+\])?$`)
	comments      = regexp.MustCompile(`//[^\n]*`)
)

func structures(t *testing.T, header string) (list []structure) {
	t.Helper()
	for _, m := range structPattern.FindAllStringSubmatch(comments.ReplaceAllString(header, ""), -1) {
		s := structure{name: m[1]}
		for _, declaration := range strings.Split(m[2], ";") {
			declaration = strings.TrimPrefix(strings.TrimSpace(declaration), "const ")
			if declaration == "" {
				continue
			}
			kind, names, ok := strings.Cut(declaration, " ")
			if !ok {
				t.Fatalf("%s: declaration %q", s.name, declaration)
			}
			for _, name := range strings.Split(names, ",") {
				f := fieldPattern.FindStringSubmatch(strings.TrimSpace(name))
				if f == nil {
					t.Fatalf("%s: field %q", s.name, name)
				}
				k := kind
				if f[1] == "*" {
					k = "*"
				}
				s.fields = append(s.fields, f[2]+" "+k+f[3])
			}
		}
		list = append(list, s)
	}
	return list
}

// fieldsOf lists fields; those of an embedded structure stand in its place.
func fieldsOf(s reflect.Type) (list []reflect.StructField) {
	for i := range s.NumField() {
		if f := s.Field(i); f.Anonymous {
			list = append(list, fieldsOf(f.Type)...)
		} else {
			list = append(list, f)
		}
	}
	return list
}

func cType(t reflect.Type) string {
	switch {
	case t == reflect.TypeOf(gpu.Ptr(0)):
		return "*"
	case t.Kind() == reflect.Array:
		return cType(t.Elem()) + fmt.Sprintf("[%d]", t.Len())
	case t.Kind() == reflect.Int64:
		return "i64"
	case t.Kind() == reflect.Float64:
		return "double"
	case t.Kind() == reflect.Float32:
		return "float"
	}
	return t.Name()
}

// snake is the C name of a field: TilesX is tiles_x.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// checkUnits fails if a field is not one unit wide: padding may then differ between Go and C++.
func checkUnits(t *testing.T, s reflect.Type, unit uintptr) {
	switch s.Kind() {
	case reflect.Struct:
		for i := range s.NumField() {
			checkUnits(t, s.Field(i).Type, unit)
		}
	case reflect.Array:
		checkUnits(t, s.Elem(), unit)
	default:
		if s.Size() != unit {
			t.Errorf("a field of %d bytes, not %d: %v", s.Size(), unit, s)
		}
	}
}

// The constants of Go are those of the kernels.
func TestABIConstants(t *testing.T) {
	source, err := gpu.Sources.ReadFile("abi.cuh")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("#define GROUP %d\n", gpu.ImageGroup); !strings.Contains(string(source), want) {
		t.Errorf("abi.cuh lacks %q", want)
	}
}
