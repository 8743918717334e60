// Package setting checks the settings of a configuration against the ranges in the tags of its fields, and names the wrong
// ones.
package setting

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Error means that one setting has an invalid value.
type Error struct {
	Setting string // its keys in the configuration file, dotted
	Problem string // the value, and the reason that it is invalid
}

func (e *Error) Error() string { return e.Setting + " " + e.Problem }

// Errorf returns the error of a setting.
func Errorf(setting, problem string, a ...any) *Error {
	return &Error{setting, fmt.Sprintf(problem, a...)}
}

// Errors is a list of wrong settings. Its text is one line.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "; ")
}

// Wrong returns the wrong settings in an error, one or several; nil if it has none.
func Wrong(err error) Errors {
	var one *Error
	if errors.As(err, &one) {
		return Errors{one}
	}
	var several Errors
	errors.As(err, &several)
	return several
}

// Or returns e as an error: nil if the list is empty.
func (e Errors) Or() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Check adds an error if ok is false.
func (e *Errors) Check(ok bool, setting, problem string, a ...any) {
	if !ok {
		*e = append(*e, Errorf(setting, problem, a...))
	}
}

// Ranges compares the numbers of the struct c with the tag `range` of their fields: an interval such as [1,64], (0,inf) or
// [0,1). A number is in the interval, and finite. path is the place of c in the configuration file, dotted. Structs inside
// of c are checked too.
func Ranges(path string, c any) Errors {
	return ranges(path, reflect.ValueOf(c), true)
}

// OwnRanges is Ranges without the structs inside of c.
func OwnRanges(path string, c any) Errors {
	return ranges(path, reflect.ValueOf(c), false)
}

func ranges(path string, v reflect.Value, inside bool) (errs Errors) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := strings.TrimPrefix(path+"."+Key(field), ".")
		if field.Type.Kind() == reflect.Struct {
			if inside {
				errs = append(errs, ranges(name, v.Field(i), true)...)
			}
			continue
		}
		tag, ok := field.Tag.Lookup("range")
		if !ok {
			continue
		}
		r, err := parse(tag)
		if err != nil {
			errs = append(errs, Errorf(name, "has a wrong range: %v", err))
			continue
		}
		if problem := r.refuse(v.Field(i)); problem != "" {
			errs = append(errs, Errorf(name, "%v: %s", v.Field(i).Interface(), problem))
		}
	}
	return errs
}

// Key returns the name of a field in the configuration file.
func Key(field reflect.StructField) string {
	key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return key
}

// Field returns the field of the struct t with a key.
func Field(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); Key(f) == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// Range returns the range of a field for its reader, or "" if every value is valid.
func Range(field reflect.StructField) string {
	r, err := parse(field.Tag.Get("range"))
	if err != nil {
		return ""
	}
	return r.String()
}
