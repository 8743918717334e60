package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"bnas.example/cuda/cost"
)

// docsFile has two tables that are made of the counts.
const docsFile = "docs/gpu.md"

// updateDocs replaces the rows of the tables that begin with the headers of docTables.
func updateDocs(text string, counts []*cost.Count) (string, error) {
	tables, err := docTables(counts)
	if err != nil {
		return "", err
	}
	for _, t := range tables {
		header := strings.Join(strings.SplitN(t, "\n", 3)[:2], "\n") + "\n"
		before, rest, found := strings.Cut(text, header)
		if !found {
			return "", fmt.Errorf("%s has no table %s", docsFile, header)
		}
		for strings.HasPrefix(rest, "|") {
			_, rest, _ = strings.Cut(rest, "\n")
		}
		text = before + t + rest
	}
	return text, nil
}

// docTables are the table of the steps, that of the kernels of the first step on an H100, and that of the kernels that it does not have.
// counts are those of cost.DocumentedSteps, in their order.
func docTables(counts []*cost.Count) ([]string, error) {
	steps, err := stepTable(counts)
	if err != nil {
		return nil, err
	}
	kernels, err := kernelTable(counts[0])
	if err != nil {
		return nil, err
	}
	others, err := otherTable(counts)
	return []string{steps, kernels, others}, err
}

func stepTable(counts []*cost.Count) (string, error) {
	names := []string{"A100", "H100", "RTX 4090", "T4"}
	b := &strings.Builder{}
	fmt.Fprintf(b, "| path | options | launches | moved | instructions | memory | %s |\n%s|\n", strings.Join(names, " | "), strings.Repeat("|---", 6+len(names)))
	for i, d := range cost.DocumentedSteps() {
		c := counts[i]
		fmt.Fprintf(b, "| %s | `%s` | %d | %.2f GB | %.2f G | %.2f GiB |", d.Name, optionsOf(d), c.Launches, float64(c.DRAMBytes)/1e9,
			float64(c.WarpInstructions)/1e9, float64(c.PeakBytes)/(1<<30))
		for _, name := range names {
			g, _ := gpuNamed(name)
			if !g.Has(c.Precision) {
				b.WriteString(" – |")
				continue
			}
			times, err := c.Times(g)
			if err != nil {
				return "", err
			}
			least := 0.0
			for _, t := range times {
				least += t.Time()
			}
			fmt.Fprintf(b, " %.1f ms |", 1e3*least)
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

// kernelSums are the bounds of all launches of a kernel.
type kernelSums struct {
	name         string
	launches     int
	instructions int64
	bounds       cost.Bounds
	least        float64
}

func (k *kernelSums) add(l cost.LaunchCount, b cost.Bounds) {
	k.launches++
	k.instructions += l.WarpInstructions
	k.bounds = k.bounds.Plus(b)
	k.least += b.Time()
}

// sums are those of the kernels of a step, in the order of their first launches, and of all.
func sums(c *cost.Count) (list []*kernelSums, all *kernelSums, err error) {
	g, err := gpuNamed("H100")
	if err != nil {
		return nil, nil, err
	}
	times, err := c.Times(g)
	if err != nil {
		return nil, nil, err
	}
	all = &kernelSums{name: "all"}
	for i, l := range c.Kernels {
		name := "`" + l.Kernel + "`"
		k := slices.IndexFunc(list, func(k *kernelSums) bool { return k.name == name })
		if k < 0 {
			k = len(list)
			list = append(list, &kernelSums{name: name})
		}
		list[k].add(l, times[i])
		all.add(l, times[i])
	}
	return list, all, nil
}

func kernelTable(c *cost.Count) (string, error) {
	list, all, err := sums(c)
	if err != nil {
		return "", err
	}
	slices.SortStableFunc(list, func(a, b *kernelSums) int { return cmp.Compare(b.least, a.least) })
	b := &strings.Builder{}
	b.WriteString("| kernel | launches | instructions | memory | arithmetic | issue | latency | tails | least time | longest |\n" + strings.Repeat("|---", 10) + "|\n")
	for _, k := range append(list, all) {
		fmt.Fprintf(b, "| %s | %d | %.1f M |", k.name, k.launches, float64(k.instructions)/1e6)
		for _, v := range []float64{k.bounds.Memory, k.bounds.Arithmetic, k.bounds.Issue, k.bounds.Latency, k.bounds.Tail, k.least} {
			fmt.Fprintf(b, " %.3f |", 1e3*v)
		}
		fmt.Fprintf(b, " %s |\n", k.bounds.Longest())
	}
	return b.String(), nil
}

// otherTable has the kernels that the first step does not have, each once a space.
func otherTable(counts []*cost.Count) (string, error) {
	b := &strings.Builder{}
	b.WriteString("| kernel | path | options | launches | instructions | memory | least time | longest |\n" + strings.Repeat("|---", 8) + "|\n")
	shown := map[[2]string]bool{}
	var usual []string // the kernels of the first step
	for i, d := range cost.DocumentedSteps() {
		list, _, err := sums(counts[i])
		if err != nil {
			return "", err
		}
		for _, k := range list {
			at := [2]string{d.Space, k.name}
			if i == 0 {
				usual = append(usual, k.name)
			}
			if slices.Contains(usual, k.name) || shown[at] {
				continue
			}
			shown[at] = true
			fmt.Fprintf(b, "| %s | %s | `%s` | %d | %.1f M | %.3f | %.3f | %s |\n", k.name, d.Name, optionsOf(d), k.launches, float64(k.instructions)/1e6,
				1e3*k.bounds.Memory, 1e3*k.least, k.bounds.Longest())
		}
	}
	return b.String(), nil
}

// optionsOf are the step's options of bnas plan.
func optionsOf(d cost.Documented) string {
	if d.Half {
		return "--precision " + string(d.Precision) + " --half"
	}
	return "--precision " + string(d.Precision)
}

func gpuNamed(name string) (cost.GPU, error) {
	i := slices.IndexFunc(cost.GPUs, func(g cost.GPU) bool { return g.Name == name })
	if i < 0 {
		return cost.GPU{}, fmt.Errorf("no GPU %s", name)
	}
	return cost.GPUs[i], nil
}

// writeDocs writes the tables into the document.
func writeDocs(counts []*cost.Count, write func(path string, content []byte) error) error {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		return err
	}
	updated, err := updateDocs(string(text), counts)
	if err != nil {
		return err
	}
	return write(docsFile, []byte(updated))
}
