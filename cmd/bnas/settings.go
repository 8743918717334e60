package main

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	ranges "bnas.example/internal/setting"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// setting is one field of run.Config that is also a flag. The default of the flag is that of the field, its range that in the
// tag of the field. path is its place in the YAML file.
type setting struct {
	flag     string
	path     string // YAML keys, dotted
	usage    string
	category string // of the help
}

// flagsOf makes the flags of settings, with the defaults of run.Config.
func flagsOf(settings []setting) []cli.Flag {
	defaults := run.Default()
	var flags []cli.Flag
	for _, s := range settings {
		v, field, err := fieldAt(reflect.ValueOf(&defaults).Elem(), s.path)
		if err != nil {
			panic(err) // the setting names no field; TestSettingsNameFields finds it
		}
		usage := s.usage
		if r := ranges.Range(field); r != "" && v.Type() != durationType {
			usage += "; " + r
		}
		if v.Kind() == reflect.Bool {
			flags = append(flags, &cli.BoolFlag{Name: s.flag, Usage: usage, Value: v.Bool(), Category: s.category})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: s.flag, Usage: usage, DefaultText: formatValue(v), Category: s.category})
	}
	return flags
}

// resolve builds the configuration of a command. It starts from base, applies the preset, reads the file of --config, and
// then applies the given flags.
func resolve(c *cli.Context, base run.Config, settings []setting) (run.Config, error) {
	cfg := base
	if name := c.String(presetFlag.Name); name != "" {
		f, err := run.Preset(name)
		if err != nil {
			return cfg, usagef("--preset %w", err)
		}
		if err := f.Apply(&cfg); err != nil {
			return cfg, err
		}
	}
	if err := applyFile(c, &cfg); err != nil {
		return cfg, err
	}
	for _, s := range settings {
		if !c.IsSet(s.flag) {
			continue
		}
		v, _, err := fieldAt(reflect.ValueOf(&cfg).Elem(), s.path)
		if err != nil {
			return cfg, err
		}
		text := c.String(s.flag)
		if v.Kind() == reflect.Bool {
			text = strconv.FormatBool(c.Bool(s.flag))
		}
		if err := parseInto(v, text); err != nil {
			return cfg, usagef("--%s: %w", s.flag, err)
		}
	}
	otherFolder(c, &cfg, base)
	if c.IsSet("epochs") && c.IsSet("steps") {
		return cfg, usagef("--epochs and --steps exclude each other")
	}
	if c.IsSet("epochs") {
		cfg.Train.Steps = 0 // it would decide the length of the run
	}
	if c.IsSet("objectives") && !c.IsSet("strategy") {
		cfg.Search.Strategy = search.TwoObjectives
	}
	if named, err := namedGPUs(c); err != nil {
		return cfg, err
	} else if named != nil {
		cfg.GPU = named[0] // of the command itself, which has no other use for one than its workers
	}
	if err := ownSpace(&cfg.Supernet); err != nil {
		return cfg, err
	}
	dropVariables(c, &cfg, base)
	if err := ownPath(&cfg); err != nil {
		return cfg, err
	}
	cfg.Spread()
	if err := cfg.Validate(); err != nil {
		return cfg, usageError{err}
	}
	if err := checkEffect(c, cfg); err != nil {
		return cfg, err
	}
	return cfg, beforeWork()
}

// otherFolder takes away the folder of another data set: that of a run or a file whose data set a flag or a file replaced, and that of a
// variable where the images are built in.
func otherFolder(c *cli.Context, cfg *run.Config, base run.Config) {
	replaced := cfg.Data.Name != base.Data.Name && cfg.Data.Dir == base.Data.Dir && !given(c, "data.dir")
	builtIn := cfg.Data.Name == "fashion" && (byVariable(c, "data-dir") || c.IsSet("data") && !c.IsSet("data-dir"))
	if replaced || builtIn {
		cfg.Data.Dir = ""
	}
}

// applyFile sets the settings of the file of --config, if there is one. The file is read once: a pipe has nothing for a second
// reader.
func applyFile(c *cli.Context, cfg *run.Config) error {
	path := c.String("config")
	if path == "" {
		return nil
	}
	f, read := c.App.Metadata[configFile].(*run.File)
	if !read {
		var err error
		if f, err = run.OpenFile(path); err != nil {
			return err
		}
		c.App.Metadata[configFile] = f
	}
	return f.Apply(cfg)
}

// ownSpace replaces the file of a user's own space by its content. The space of a run that is continued stays if no other one is
// named.
func ownSpace(c *supernet.Config) error {
	if supernet.IsSpaceFile(c.Space) {
		var err error
		c.Space, c.Chain, err = supernet.ReadSpace(c.Space)
		return err
	}
	if _, err := supernet.Lookup(c.Space); err == nil {
		c.Chain = "" // of another space
	}
	return nil
}

// ownPath replaces the architecture of a run with a fixed path by its text in the space.
func ownPath(cfg *run.Config) error {
	space, err := cfg.Supernet.Lookup()
	if err != nil || cfg.Train.Path == "" {
		return nil // Validate has the error of an unknown space
	}
	a, err := parseArch(space, cfg.Train.Path)
	if err != nil {
		return usagef("--path %q: %w", cfg.Train.Path, err)
	}
	cfg.Train.Path = space.Format(a)
	return nil
}

// configFile is the place of the file of --config in the metadata of the program.
const configFile = "config"

// fieldAt finds the field of a struct by its dotted YAML path.
func fieldAt(v reflect.Value, path string) (reflect.Value, reflect.StructField, error) {
	key, rest, deeper := strings.Cut(path, ".")
	field, ok := ranges.Field(v.Type(), key)
	if !ok {
		return v, field, fmt.Errorf("configuration: there is no key %q in %s", key, v.Type())
	}
	v = v.FieldByIndex(field.Index)
	if deeper {
		return fieldAt(v, rest)
	}
	return v, field, nil
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	listType     = reflect.TypeFor[[]string]()
	numbersType  = reflect.TypeFor[[]float64]()
)

// parseInto sets a field from the text of a flag.
func parseInto(v reflect.Value, text string) error {
	var err error
	switch {
	case v.Type() == durationType:
		var d time.Duration
		d, err = time.ParseDuration(text)
		v.SetInt(int64(d))
	case v.Kind() == reflect.Int64: // the limits of a cost: their error has examples
		var n int64
		n, err = parseWhole(text)
		v.SetInt(n)
	case v.CanInt():
		var n int64
		if n, err = parseWhole(text); v.OverflowInt(n) {
			err = strconv.ErrRange
		}
		v.SetInt(n)
	case v.CanUint():
		var n uint64
		if n, err = strconv.ParseUint(text, 10, v.Type().Bits()); err != nil { // it may be 1e3
			var whole int64
			if whole, err = parseWhole(text); whole < 0 {
				err = strconv.ErrRange
			}
			n = uint64(whole)
		}
		v.SetUint(n)
	case v.CanFloat():
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v.SetFloat(f)
	case v.Kind() == reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Type() == listType:
		v.Set(reflect.ValueOf(strings.Split(text, ",")))
	case v.Type() == numbersType:
		var numbers []float64
		for part := range strings.SplitSeq(text, ",") {
			var f float64
			if f, err = strconv.ParseFloat(strings.TrimSpace(part), 64); err != nil {
				break
			}
			numbers = append(numbers, f)
		}
		v.Set(reflect.ValueOf(numbers))
	default:
		return fmt.Errorf("a %s cannot be set by a flag", v.Type())
	}
	if err != nil {
		return fmt.Errorf("%q is not %s", text, describe(v))
	}
	return nil
}

// parseWhole reads a whole number: 100000000, 100e6 or 100M. k, M and G stand for 10³, 10⁶ and 10⁹. The fraction of 1.5G
// is read exactly.
func parseWhole(text string) (int64, error) {
	number, exponent := text, ""
	for suffix, power := range map[string]string{"k": "e3", "M": "e6", "G": "e9"} {
		if cut, ok := strings.CutSuffix(text, suffix); ok {
			number, exponent = cut, power
		}
	}
	if len(number) > 40 || strings.ContainsAny(number, "xXoObBpP_/") || exponent != "" && strings.ContainsAny(number, "eE") {
		return 0, strconv.ErrSyntax
	}
	if _, e, ok := strings.Cut(strings.ToLower(number), "e"); ok && len(e) > 3 {
		return 0, strconv.ErrRange // a power of ten with a thousand digits would fill the memory
	}
	r, ok := new(big.Rat).SetString(number + exponent)
	if !ok {
		return 0, strconv.ErrSyntax
	}
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, strconv.ErrRange
	}
	return r.Num().Int64(), nil
}

func describe(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration (90s, 10m, 2h)"
	case v.Kind() == reflect.Int64:
		return "a whole number (100000000, 100M, 100e6)"
	case v.CanInt():
		return "a whole number"
	case v.CanUint():
		return "a whole number of at least 0"
	case v.CanFloat():
		return "a number"
	case v.Type() == numbersType:
		return "a list of numbers, separated by commas"
	}
	return "a " + v.Kind().String()
}

func formatValue(v reflect.Value) string {
	if v.Type() == durationType && v.Int() == 0 {
		return "none"
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	if v.Kind() == reflect.String && v.String() == "" || v.Kind() == reflect.Slice && v.Len() == 0 {
		return "none"
	}
	return fmt.Sprint(v.Interface())
}
