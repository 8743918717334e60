package supernet

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"bnas.example/internal/setting"
)

// chainFile describes a chain, a space of layers in a row, in stages. Each layer has one operator. It is the content of
// a YAML file: see spaces.
type chainFile struct {
	Name       string         `json:"name" yaml:"name"`
	About      string         `json:"about,omitempty" yaml:"about,omitempty"` // a few words
	Images     chainImages    `json:"images" yaml:"images"`
	Classes    int            `json:"classes" yaml:"classes"`
	Activation string         `json:"activation" yaml:"activation"` // relu or relu6: of the stem, in the blocks, of the head
	Stem       chainStem      `json:"stem" yaml:"stem"`             // a convolution with BatchNorm
	First      chainFirst     `json:"first,omitzero" yaml:"first,omitempty"`
	Operators  []string       `json:"operators" yaml:"operators,flow"`                 // in the order of their numbers in the text form
	Choices    []string       `json:"choices,omitempty" yaml:"choices,flow,omitempty"` // of each layer; empty: the operators
	Fixed      map[int]string `json:"fixed,omitempty" yaml:"fixed,flow,omitempty"`     // layers without a choice, by their index
	Stages     []chainStage   `json:"stages" yaml:"stages"`
	// Downsample: an identity that has a stride or other channels is a 1×1 convolution with BatchNorm. Without it there is none.
	Downsample bool      `json:"downsample,omitempty" yaml:"downsample,omitempty"`
	Head       int       `json:"head" yaml:"head"` // channels of the 1×1 convolution before the classifier
	Text       chainText `json:"text" yaml:"text,omitempty"`
}

type chainImages struct {
	Height int `json:"height" yaml:"height"`
	Width  int `json:"width" yaml:"width"`
}

type chainStem struct {
	Out    int `json:"out" yaml:"out"`
	Kernel int `json:"kernel" yaml:"kernel"`
	Stride int `json:"stride" yaml:"stride"`
}

// chainFirst is a layer without a choice, between the stem and the stages. There is none if Operator is empty.
type chainFirst struct {
	Operator string `json:"operator" yaml:"operator"`
	Out      int    `json:"out" yaml:"out"` // channels
}

// chainStage is a row of layers. The first of them has the stride.
type chainStage struct {
	Out    int `json:"out" yaml:"out"`
	Layers int `json:"layers" yaml:"layers"`
	Stride int `json:"stride" yaml:"stride"`
}

// chainText is the text form: the number of each layer's operator. The first operator has the number First.
type chainText struct {
	Form  string `json:"form" yaml:"form"` // digits: without a separator; numbers, the default: with spaces
	First int    `json:"first" yaml:"first"`
}

// These are the text forms of a chain.
const (
	digitsForm  = "digits"
	numbersForm = "numbers"
)

// chain is the Space of a chainFile.
type chain struct {
	product
	chainFile
	own       string          // the text of a chain that is no part of bnas, as Config.Chain has it
	operators []chainOperator // of Operators
	first     *chainOperator  // of First, or nil
	layers    []chainLayer
}

// chainLayer is one layer.
type chainLayer struct {
	in, out, stride int
	options         []int // operators, by index
}

// plain reports whether an input can be added to the output, or be it.
func (l chainLayer) plain() bool { return l.stride == 1 && l.in == l.out }

// chainOperator is an identity, or a MobileNet block: 1×1 to expansion·C channels, depthwise kernel×kernel, 1×1. A block of
// expansion 1 has no first convolution.
type chainOperator struct{ expansion, kernel int }

const identityOperator = "identity"

func (o chainOperator) identity() bool { return o.kernel == 0 }

// parseOperator reads identity or mbT_kK.
func parseOperator(name string) (chainOperator, error) {
	if name == identityOperator {
		return chainOperator{}, nil
	}
	var o chainOperator
	n, err := fmt.Sscanf(name, "mb%d_k%d", &o.expansion, &o.kernel)
	if n != 2 || err != nil || name != fmt.Sprintf("mb%d_k%d", o.expansion, o.kernel) {
		return o, fmt.Errorf("operator %q: there are %s and mbT_kK, a MobileNet block of expansion T and kernel K", name, identityOperator)
	}
	if o.expansion < 1 || o.expansion > 16 || o.kernel < 1 || o.kernel > 15 || o.kernel%2 == 0 {
		return o, fmt.Errorf("operator %q: the expansion must be 1…16, the kernel odd and 1…15", name)
	}
	return o, nil
}

// parseChain reads a file of a chain.
func parseChain(text []byte) (*chain, error) {
	c := &chain{}
	document, err := setting.Document(text)
	if err == nil && document == nil {
		err = errors.New("the file is empty")
	}
	if err == nil {
		err = setting.Decode(document, &c.chainFile)
	}
	if err != nil {
		return nil, err
	}
	if c.Text.Form == "" {
		c.Text.Form = numbersForm
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	for _, name := range c.Operators {
		o, err := parseOperator(name)
		if err != nil {
			return nil, err
		}
		c.operators = append(c.operators, o)
	}
	in := c.Stem.Out
	if c.First.Operator != "" {
		o, err := parseOperator(c.First.Operator)
		if err == nil && o.identity() {
			err = fmt.Errorf("it must be a block")
		}
		if err != nil {
			return nil, fmt.Errorf("first: %w", err)
		}
		c.first, in = &o, c.First.Out
	}
	for _, s := range c.Stages {
		for i := range s.Layers {
			l := chainLayer{in: in, out: s.Out, stride: 1}
			if i == 0 {
				l.stride = s.Stride
			}
			if err := c.choose(&l); err != nil {
				return nil, err
			}
			c.layers = append(c.layers, l)
			in = s.Out
		}
	}
	for i, l := range c.layers {
		g := Gene{Name: fmt.Sprintf("layer %d", i)}
		for _, o := range l.options {
			g.Options = append(g.Options, c.Operators[o])
		}
		c.product.genes = append(c.product.genes, g)
	}
	return c, nil
}

// choose sets the options of the layer that follows the layers of c.
func (c *chain) choose(l *chainLayer) error {
	names := c.Choices
	if len(names) == 0 {
		names = c.Operators
	}
	at := len(c.layers)
	fixed, ok := c.Fixed[at]
	if ok {
		names = []string{fixed}
	}
	for _, name := range names {
		o := slices.Index(c.Operators, name)
		if o < 0 {
			return fmt.Errorf("layer %d: %q is none of the operators", at, name)
		}
		if !c.operators[o].identity() || l.plain() || c.Downsample {
			l.options = append(l.options, o)
		}
	}
	if len(l.options) == 0 {
		return fmt.Errorf("layer %d: an identity does not fit %d→%d channels with stride %d; downsample: true makes it a convolution", at, l.in, l.out, l.stride)
	}
	return nil
}

func (c *chain) check() error {
	f := c.chainFile
	within := func(what string, n, least, most int) error {
		if n < least || n > most {
			return fmt.Errorf("%s: %d: must be %d…%d", what, n, least, most)
		}
		return nil
	}
	positive := func(what string, n, most int) error { return within(what, n, 1, most) }
	const side, channels, length = 4096, 65536, 1000
	errs := []error{
		positive("images.height", f.Images.Height, side), positive("images.width", f.Images.Width, side), within("classes", f.Classes, 2, channels),
		positive("stem.out", f.Stem.Out, channels), positive("stem.kernel", f.Stem.Kernel, 15), positive("stem.stride", f.Stem.Stride, 4),
		positive("head", f.Head, channels), positive("the number of operators", len(f.Operators), 100), positive("the number of stages", len(f.Stages), length),
	}
	if f.First.Operator != "" {
		errs = append(errs, positive("first.out", f.First.Out, channels))
	}
	layers := 0
	for i, s := range f.Stages {
		stage := fmt.Sprintf("stage %d: ", i)
		errs = append(errs, positive(stage+"out", s.Out, channels), positive(stage+"layers", s.Layers, length), positive(stage+"stride", s.Stride, 4))
		layers += s.Layers
	}
	errs = append(errs, positive("the number of layers", layers, length))
	if f.Stem.Kernel%2 == 0 {
		errs = append(errs, fmt.Errorf("stem.kernel: %d: must be odd", f.Stem.Kernel))
	}
	for i := range f.Fixed {
		if i < 0 || i >= layers {
			errs = append(errs, fmt.Errorf("fixed: there is no layer %d", i))
		}
	}
	if f.Name == "" {
		errs = append(errs, fmt.Errorf("name is missing"))
	}
	if len(f.About) > 200 || strings.ContainsFunc(f.About, unicode.IsControl) {
		errs = append(errs, fmt.Errorf("about: must be one line of at most 200 bytes"))
	}
	if f.Activation != "relu" && f.Activation != "relu6" {
		errs = append(errs, fmt.Errorf("activation: %q: there are relu and relu6", f.Activation))
	}
	if f.Text.Form != digitsForm && f.Text.Form != numbersForm {
		errs = append(errs, fmt.Errorf("text.form: %q: there are %s and %s", f.Text.Form, digitsForm, numbersForm))
	}
	for _, names := range []struct {
		key  string
		list []string
	}{{"operators", f.Operators}, {"choices", f.Choices}} {
		for i, name := range names.list {
			if slices.Contains(names.list[:i], name) {
				errs = append(errs, fmt.Errorf("%s: %q stands twice", names.key, name))
			}
		}
	}
	if f.Text.First < -1000 || f.Text.First > 1000 {
		errs = append(errs, fmt.Errorf("text.first: %d: must be -1000…1000", f.Text.First))
	}
	if f.Text.Form == digitsForm && (f.Text.First < 0 || f.Text.First+len(f.Operators) > 10) {
		errs = append(errs, fmt.Errorf("text: digits are for operators with the numbers 0…9"))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) Name() string { return c.chainFile.Name }

func (c *chain) About() string {
	if c.chainFile.About == "" {
		return "a chain of layers of your own"
	}
	return c.chainFile.About
}

func (c *chain) Defaults() Config {
	return Config{
		Space: c.Name(), Chain: c.own, BN: Fair, Classes: c.Classes, Height: c.Images.Height, Width: c.Images.Width, Channels: c.Stem.Out, Gamma: GammaOne,
	}
}

// number returns the text of an operator.
func (c *chain) number(operator int) string { return strconv.Itoa(c.Text.First + operator) }

// Format writes the number of each layer's operator.
func (c *chain) Format(a Arch) string {
	parts := make([]string, len(a))
	for l, o := range a {
		parts[l] = c.number(c.layers[l].options[o])
	}
	if c.Text.Form == digitsForm {
		return strings.Join(parts, "")
	}
	return strings.Join(parts, " ")
}

func (c *chain) Parse(text string) (Arch, error) {
	t := tokens{space: c.Name(), text: text}
	a := make(Arch, len(c.layers))
	for l, layer := range c.layers {
		var numbers []string
		for _, o := range layer.options {
			numbers = append(numbers, c.number(o))
		}
		var token string
		if c.Text.Form == digitsForm {
			t.start = t.at
			token = t.peek()
			t.at += len(token)
		} else {
			if l > 0 {
				t.expect(" ")
			}
			token = t.until(" ")
		}
		a[l] = t.option(token, numbers)
	}
	t.end()
	return a, t.err
}

// Canonical moves the identities behind the other layers of their stage, but not past a block without a choice: with it, the order of the
// blocks before and behind it is another network. Layers without a choice, and layers with a stride or other channels, stay in place.
func (c *chain) Canonical(a Arch) string {
	canonical := slices.Clone(a)
	first := 0
	for _, s := range c.Stages {
		var free []int
		for l := first; l < first+s.Layers; l++ {
			switch {
			case c.layers[l].plain() && len(c.layers[l].options) > 1:
				free = append(free, l)
			case !c.operator(a, l).identity():
				c.identitiesLast(canonical, free)
				free = nil
			}
		}
		c.identitiesLast(canonical, free)
		first += s.Layers
	}
	return c.Format(canonical)
}

// identitiesLast moves the identities of some layers behind the others, whose order stays.
func (c *chain) identitiesLast(a Arch, layers []int) {
	before := slices.Clone(a)
	at := 0
	for _, identity := range []bool{false, true} {
		for _, l := range layers {
			if c.operator(before, l).identity() == identity {
				a[layers[at]] = before[l]
				at++
			}
		}
	}
}

// operator returns the operator of layer l.
func (c *chain) operator(a Arch, l int) chainOperator { return c.operators[c.layers[l].options[a[l]]] }

// Alive returns true: an identity is a path too.
func (c *chain) Alive(Arch) bool { return true }

// width scales a number of channels of the file to a network whose stem has another width.
func (c *chain) width(channels int, cfg Config) int {
	return max(1, (2*channels*cfg.Channels+c.Stem.Out)/(2*c.Stem.Out))
}

// mostOrdered is the largest number of architectures of a chain with an order.
const mostOrdered = 1 << 20

// orderedChain is a chain with few architectures. Its last layer changes fastest.
type orderedChain struct{ *chain }

func (c orderedChain) Size() int          { return int(c.Count().Int64()) }
func (c orderedChain) At(i int) Arch      { return c.at(i) }
func (c orderedChain) IndexOf(a Arch) int { return c.indexOf(a) }

// ordered returns the space of c: with an order if it is small.
func (c *chain) ordered() Space {
	if c.Count().Cmp(big.NewInt(mostOrdered)) > 0 {
		return c
	}
	return orderedChain{c}
}
