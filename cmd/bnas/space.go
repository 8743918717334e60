package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/kernels"
	"bnas.example/run"
	"bnas.example/supernet"
)

func spaceCommand() *cli.Command {
	return &cli.Command{
		Name:  "space",
		Usage: "list the search spaces, count one, or show one architecture",
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "the search spaces", Flags: outputFlags(), Action: listSpaces,
				Description: "bnas space list",
			},
			{
				Name: "info", Usage: "the numbers of a space: architectures, distinct networks, dead ones, genes",
				ArgsUsage:   "[SPACE]",
				Flags:       flags(costSettings),
				Action:      spaceInfo,
				Description: "bnas space info nas-bench-macro",
			},
			{
				Name: "show", Usage: "one architecture: text, canonical form, costs, and the Program that it lowers to",
				ArgsUsage:   "ARCH",
				Flags:       flags(costSettings),
				Action:      showArch,
				Description: "bnas space show '|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|'" + archHelp,
			},
		},
	}
}

type spaceRow struct {
	Name          string        `json:"name"`
	Architectures architectures `json:"architectures"`
	Genes         int           `json:"genes"`
	Description   string        `json:"description"`
}

// architectures is a number of architectures. In JSON it is a number, or a string if a reader with floating-point numbers would round
// it.
type architectures struct{ *big.Int }

func (n architectures) MarshalJSON() ([]byte, error) {
	if n.BitLen() > 53 {
		return json.Marshal(n.String())
	}
	return []byte(n.String()), nil
}

func listSpaces(c *cli.Context) error {
	var rows []spaceRow
	for _, s := range supernet.Spaces() {
		rows = append(rows, spaceRow{s.Name(), architectures{s.Count()}, len(s.Genes()), s.About()})
	}
	return output(c, map[string]any{"spaces": rows}, func(w io.Writer) {
		fmt.Fprintln(w, "SPACE\tARCHITECTURES\tGENES\tDESCRIPTION")
		for _, r := range rows {
			fmt.Fprintf(w, "%s\t%v\t%d\t%s\n", r.Name, r.Architectures, r.Genes, r.Description)
		}
	})
}

type geneInfo struct {
	Name    string   `json:"name"`
	Options []string `json:"options"`
}

type spaceInfoResult struct {
	Space         string          `json:"space"`
	Architectures architectures   `json:"architectures"`
	Distinct      *int            `json:"distinct"` // null where it is not known
	Dead          *int            `json:"dead"`     // null where the architectures are too many to go through
	Genes         []geneInfo      `json:"genes"`
	Operators     []operatorBN    `json:"operators"`
	Config        supernet.Config `json:"config"`
	SupernetBN    int64           `json:"supernet_bn_params"`
	SupernetAll   int64           `json:"supernet_params"`
	Stems         []string        `json:"stems,omitempty"` // where there are several
}

// sizesOf returns the settings of the network's size, those that the space has.
func sizesOf(r spaceInfoResult) string {
	n := r.Config
	text := fmt.Sprintf("images %d×%d, %d classes, --channels %d", n.Height, n.Width, n.Classes, n.Channels)
	if n.ImageChannels == 1 {
		text = "grey " + text
	}
	if n.Cells > 0 {
		text += fmt.Sprintf(", --cells %d", n.Cells)
	}
	if len(r.Stems) > 0 {
		text += fmt.Sprintf(", --stem %s (of %s)", n.Stem, strings.Join(r.Stems, ", "))
	}
	return text
}

func spaceInfo(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("%s takes one space, got %d arguments", c.Command.HelpName, c.NArg())
	}
	if name := c.Args().First(); name != "" {
		if c.IsSet("space") && c.String("space") != name {
			return usagef("the argument %q and --space %s name two spaces; give one", name, c.String("space"))
		}
		if err := c.Set("space", name); err != nil {
			return err
		}
	}
	net, err := netOf(c)
	if err != nil {
		return err
	}
	s := net.Space
	r := spaceInfoResult{Space: s.Name(), Architectures: architectures{s.Count()}, Config: net.Config}
	if stemmed, ok := s.(supernet.Stemmed); ok {
		r.Stems = stemmed.Stems()
	}
	if ordered, ok := s.(supernet.Ordered); ok {
		distinct, dead := networks(ordered)
		r.Distinct, r.Dead = &distinct, &dead
	}
	if counted, ok := s.(supernet.Counted); ok {
		distinct := counted.Distinct()
		r.Distinct = &distinct
	}
	for _, g := range s.Genes() {
		r.Genes = append(r.Genes, geneInfo(g))
	}
	if r.Operators, err = operatorBNs(net); err != nil {
		return err
	}
	for _, p := range net.Params() {
		r.SupernetAll += int64(p.Len())
	}
	for _, b := range net.BNs() {
		r.SupernetBN += int64(net.Params()[b.Gamma].Len() + net.Params()[b.Beta].Len())
	}
	return output(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "space\t%s: %s\n", r.Space, s.About())
		fmt.Fprintf(w, "architectures\t%v\n", r.Architectures)
		if r.Distinct != nil {
			fmt.Fprintf(w, "distinct networks\t%d\n", *r.Distinct)
		}
		if r.Dead != nil {
			fmt.Fprintf(w, "dead (no path from input to output)\t%d\n", *r.Dead)
		}
		fmt.Fprintf(w, "sizes\t%s\n", sizesOf(r))
		fmt.Fprintf(w, "supernet, BatchNorm %s\t%d parameters, of them %d γ and β\n", net.Config.BN, r.SupernetAll, r.SupernetBN)
		for _, o := range r.Operators {
			fmt.Fprintf(w, "γ and β of all %s\t%d standard, %d fair\n", o.Name, o.Standard, o.Fair)
		}
		for _, g := range r.Genes {
			fmt.Fprintf(w, "gene %s\t%s\n", g.Name, strings.Join(g.Options, " "))
		}
	})
}

// operatorBN has the numbers of γ and β that all places of an operator own together, in both placements. A space where only
// some operators own any favours these in indicators made of γ.
type operatorBN struct {
	Name     string `json:"name"`
	Standard int    `json:"standard"`
	Fair     int    `json:"fair"`
}

// operatorBNs lists the operators of a supernet in the order of its places.
func operatorBNs(net *supernet.Net) ([]operatorBN, error) {
	var all []operatorBN
	at := map[string]int{}
	places := net.Space.Places()
	for _, p := range places {
		for _, name := range p.Operators {
			if _, ok := at[name]; !ok {
				at[name] = len(all)
				all = append(all, operatorBN{Name: name})
			}
		}
	}
	for _, placement := range []supernet.Placement{supernet.Standard, supernet.Fair} {
		cfg := net.Config
		cfg.BN = placement
		placed, err := supernet.New(cfg)
		if err != nil {
			return nil, err
		}
		for _, b := range placed.BNs() {
			if b.Place < 0 {
				continue
			}
			o := &all[at[places[b.Place].Operators[b.Operator]]]
			n := placed.Params()[b.Gamma].Len() + placed.Params()[b.Beta].Len()
			if placement == supernet.Standard {
				o.Standard += n
			} else {
				o.Fair += n
			}
		}
	}
	return all, nil
}

// networks counts the different networks of a space, and its architectures without a path from input to output.
func networks(s supernet.Ordered) (distinct, dead int) {
	seen := map[string]bool{}
	for i := range s.Size() {
		a := s.At(i)
		seen[s.Canonical(a)] = true
		if !s.Alive(a) {
			dead++
		}
	}
	return len(seen), dead
}

type archResult struct {
	Arch      string   `json:"arch"`
	Canonical string   `json:"canonical"`
	Dead      bool     `json:"dead"`
	Params    int64    `json:"params"`
	MACs      int64    `json:"macs"`
	BNParams  int64    `json:"bn_params"`
	Depth     int      `json:"depth"`       // BatchNorms of the path in the standard placement
	BNs       int      `json:"batch_norms"` // of the Program, in the placement of --bn
	Program   []string `json:"program"`
}

func showArch(c *cli.Context) error {
	net, err := netOf(c)
	if err != nil {
		return err
	}
	a, p, err := oneProgram(c, net)
	if err != nil {
		return err
	}
	cost := net.Space.Cost(a, net.Config)
	r := archResult{
		Arch: net.Space.Format(a), Canonical: net.Space.Canonical(a), Dead: !net.Space.Alive(a),
		Params: cost.Params, MACs: cost.MACs, BNParams: cost.BNParams, Depth: cost.Depth, BNs: len(p.BNs),
		Program: strings.Split(strings.TrimRight(p.String(), "\n"), "\n"),
	}
	return output(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "architecture\t%s\n", r.Arch)
		fmt.Fprintf(w, "canonical\t%s\n", r.Canonical)
		if r.Dead {
			fmt.Fprintln(w, "dead\t"+noPath)
		}
		fmt.Fprintf(w, "parameters\t%d (%s)\n", r.Params, count(float64(r.Params)))
		fmt.Fprintf(w, "MACs\t%d (%s)\n", r.MACs, count(float64(r.MACs)))
		fmt.Fprintf(w, "BN parameters\t%d (BatchNorm %s)\n", r.BNParams, net.Config.BN)
		fmt.Fprintf(w, "BatchNorms\t%d in the Program (BatchNorm %s), %d of the path in the authors' placement (the term depth)\n\n", r.BNs, net.Config.BN, r.Depth)
		for _, line := range r.Program {
			fmt.Fprintln(w, line)
		}
	})
}

// netOf builds the untrained supernet of a command's flags.
func netOf(c *cli.Context) (*supernet.Net, error) {
	cfg, err := resolve(c, run.Default(), costSettings)
	if err != nil {
		return nil, err
	}
	return supernet.New(cfg.Supernet)
}

// oneProgram parses the command's single argument and lowers it.
func oneProgram(c *cli.Context, net *supernet.Net) (supernet.Arch, *kernels.Program, error) {
	a, err := oneArch(c, net)
	if err != nil {
		return nil, nil, err
	}
	p, err := net.Program(a)
	return a, p, err
}

// oneArch parses the command's single argument.
func oneArch(c *cli.Context, net *supernet.Net) (supernet.Arch, error) {
	if c.NArg() != 1 {
		return nil, usagef("%s takes one architecture, got %d arguments", c.Command.HelpName, c.NArg())
	}
	archs, err := parseArchs(net.Space, c.Args().Slice())
	if err != nil {
		return nil, err
	}
	return archs[0], nil
}
