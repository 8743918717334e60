package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// archHelp describes the forms of an architecture. The help of each command that takes one has it.
const archHelp = `

ARCH is the text of the space. Where that is no row of numbers, it may also be the number of the option of each gene from 0
(4,0,3,1,4,3; bnas space info lists them). In a space with an order (NAS-Bench-201, NAS-Bench-Macro, a small one of your own)
it may be an index (6111), and in NAS-Bench-201 a name (all3x3, mixed).`

// namedArchs maps names to the texts of the architectures in published measurements. A name works in the space that can
// parse its text.
var namedArchs = map[string]string{
	"all3x3": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
	"mixed":  "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|",
}

// parseArch reads an architecture in one of the forms of archHelp. The space's own text comes first: a text of
// NAS-Bench-Macro has digits only. The error does not name the text.
func parseArch(s supernet.Space, text string) (supernet.Arch, error) {
	if numbered(s) {
		text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }), " ")
	}
	a, err := supernet.Read(s, text)
	if err == nil {
		return a, nil
	}
	if named, ok := namedArchs[text]; ok {
		if a, err := s.Parse(named); err == nil {
			return a, nil
		}
		return nil, fmt.Errorf("%s has no architecture of this name", s.Name())
	}
	_, ordered := s.(supernet.Ordered)
	switch {
	case numbered(s) && !(ordered && onlyOf(text, digits)): // one number alone is no row of them
	case onlyOf(text, digits) && (text == "0" || text[0] != '0') && len(text) < digitsOf(s):
		return atIndex(s, text)
	case strings.Contains(text, ",") && onlyOf(text, digits+", "):
		return ofOptions(s, strings.Split(text, ","))
	}
	return nil, err
}

const digits = "0123456789"

// numbered reports whether the text of an architecture is a row of numbers. They may then be separated by commas too, and are
// never the numbers of options: one row of numbers would have two meanings.
func numbered(s supernet.Space) bool {
	text := s.Format(make(supernet.Arch, len(s.Genes())))
	return onlyOf(text, "-"+digits+" ") && strings.Contains(text, " ")
}

// digitsOf returns the length of the text of an architecture where it is digits. Fewer of them are an index, as many are a
// text with a mistake. Elsewhere any number of digits is an index.
func digitsOf(s supernet.Space) int {
	if text := s.Format(make(supernet.Arch, len(s.Genes()))); onlyOf(text, digits) {
		return len(text)
	}
	return math.MaxInt
}

// onlyOf reports whether a text has characters of the set and no others.
func onlyOf(text, set string) bool { return text != "" && strings.Trim(text, set) == "" }

func atIndex(s supernet.Space, text string) (supernet.Arch, error) {
	ordered, ok := s.(supernet.Ordered)
	if !ok {
		return nil, fmt.Errorf("the architectures of %s have no indices", s.Name())
	}
	i, err := strconv.Atoi(text)
	if err != nil || i >= ordered.Size() {
		return nil, fmt.Errorf("%s has the architectures 0…%d", s.Name(), ordered.Size()-1)
	}
	return ordered.At(i), nil
}

func ofOptions(s supernet.Space, fields []string) (supernet.Arch, error) {
	a := make(supernet.Arch, len(fields))
	for i, f := range fields {
		var err error
		if a[i], err = strconv.Atoi(strings.TrimSpace(f)); err != nil {
			return nil, fmt.Errorf("%q is not the number of an option", f)
		}
	}
	return a, supernet.Validate(s, a)
}

// optionNumbers returns the short form of an architecture: the number of each option.
func optionNumbers(a supernet.Arch) string {
	fields := make([]string, len(a))
	for i, o := range a {
		fields[i] = strconv.Itoa(o)
	}
	return strings.Join(fields, ",")
}

// parseArchs parses the arguments of a command in the order given.
func parseArchs(space supernet.Space, texts []string) ([]supernet.Arch, error) {
	var archs []supernet.Arch
	for _, text := range texts {
		a, err := parseArch(space, text)
		if err != nil {
			return nil, usagef("argument %q: %w", cut(text, 120), err)
		}
		archs = append(archs, a)
	}
	return archs, nil
}

// mostList is the largest list of architectures in bytes, many times the size of one with the whole of a space.
const mostList = 64 << 20

// archFile reads architectures, one a line; "-" is stdin.
func archFile(space supernet.Space, path string) ([]supernet.Arch, error) {
	var archs []supernet.Arch
	err := eachArch(space, path, func(a supernet.Arch) { archs = append(archs, a) })
	return archs, err
}

// eachArch calls do for each architecture of archFile.
func eachArch(space supernet.Space, path string, do func(supernet.Arch)) error {
	f, err := openInput(path)
	if err != nil {
		return fmt.Errorf("architectures: %w", err)
	}
	defer f.Close()
	name, n, size := inputName(path), 0, 0
	text := bufio.NewReaderSize(io.LimitReader(f, mostList+1), 1<<16)
	if head, _ := text.Peek(1 << 16); bytes.IndexByte(head, 0) >= 0 {
		return notAList(name)
	}
	indicator.SkipByteOrderMark(text)
	for i, more := 1, true; more; i++ {
		line, err := text.ReadString('\n')
		if more = err == nil; err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("architectures: %s: %w", name, err)
		}
		if size += len(line); size > mostList {
			return fmt.Errorf("architectures: %s: more than %s", name, byteSize(mostList))
		}
		if strings.IndexByte(line, 0) >= 0 {
			return notAList(name)
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		a, err := parseArch(space, line)
		if err != nil {
			return fmt.Errorf("%s: line %d: %q: %w", name, i, cut(line, 120), err)
		}
		do(a)
		n++
	}
	if n == 0 {
		return fmt.Errorf("%s: no architectures", name)
	}
	return nil
}

func notAList(name string) error {
	return fmt.Errorf("%s: a binary file, not text; a list of architectures is needed", name)
}

// openInput opens a file to read; "-" is stdin.
func openInput(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(path)
}

func inputName(path string) string {
	if path == "-" {
		return "stdin"
	}
	return path
}

// readInput reads a file of at most the given number of bytes.
func readInput(path string, most int64) ([]byte, error) {
	f, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = errors.New("more than " + byteSize(most))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", inputName(path), err)
	}
	return text, nil
}
