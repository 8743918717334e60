package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// conditional are the flags that have an effect under a condition only.
var conditional = []struct {
	flags     []string
	condition string
	holds     func(run.Config) bool
}{
	{[]string{"settled", "patience"}, "with --early-bird", func(c run.Config) bool { return c.Train.EarlyBird }},
	{[]string{"weight-decay-weights"}, "with --train all or bn+classifier", func(c run.Config) bool {
		return c.Train.Train == supernet.All || c.Train.Train == supernet.AllBNAndClassifier
	}},
	{[]string{"momentum"}, "with --optimizer sgd or rmsprop", func(c run.Config) bool { return c.Train.Optimizer != train.AdamW }},
	{[]string{"nesterov"}, "with --optimizer sgd", func(c run.Config) bool { return c.Train.Optimizer == train.SGD }},
	{[]string{"beta2", "eps"}, "with --optimizer adamw or rmsprop", func(c run.Config) bool { return c.Train.Optimizer != train.SGD }},
	{[]string{"min-lr"}, "with --schedule cosine or linear", func(c run.Config) bool { return c.Train.Schedule != train.Constant }},
	{[]string{"generations"}, "with --strategy evolution or nsga2, and with random or regularised without --max-evaluations", func(c run.Config) bool {
		return c.Search.Strategy == search.Evolution || c.Search.Strategy == search.TwoObjectives || countsByGenerations(c)
	}},
	{[]string{"population"}, "with --strategy evolution, nsga2 or regularised, and with random without --max-evaluations", func(c run.Config) bool {
		return !slices.Contains([]string{"exhaustive", "random", search.Pruning}, c.Search.Strategy) || countsByGenerations(c)
	}},
	{[]string{"prune"}, "with --strategy pruning", func(c run.Config) bool { return c.Search.Strategy == search.Pruning }},
	{[]string{"latency-batch"}, "with --max-latency or --objectives score,latency", func(c run.Config) bool { return c.Search.NeedsLatency() }},
	{[]string{"finalist-epochs"}, "with --finalists", func(c run.Config) bool { return c.Finalists.Number > 0 }},
	{[]string{"data-dir"}, "with --data: add --data folder for pictures, or --data cifar10, cifar100 or idx", func(c run.Config) bool { return c.Data.Name != "fashion" }},
	{[]string{"numerics"}, "on a CPU", func(c run.Config) bool { return c.Device == "cpu" || c.Device == "auto" }},
	{[]string{"gpu", "precision", "half", gpusFlag.Name}, "on a GPU", usesGPU},
}

// dropVariables takes the settings of base in the place of those of variables that this configuration has no use for. A flag would be
// refused.
func dropVariables(c *cli.Context, cfg *run.Config, base run.Config) {
	if byVariable(c, "path") && cfg.Train.Sampling != train.Fixed {
		cfg.Train.Path = base.Train.Path
	}
	space, err := cfg.Supernet.Lookup()
	if err != nil {
		return // Validate has the error of an unknown space
	}
	if byVariable(c, "cells") && space.Defaults().Cells == 0 {
		cfg.Supernet.Cells = base.Supernet.Cells
	}
	if _, ok := space.(supernet.Stemmed); !ok && byVariable(c, "stem") {
		cfg.Supernet.Stem = base.Supernet.Stem
	}
}

// countsByGenerations reports whether a search without generations scores as many networks as Generations × Population.
func countsByGenerations(c run.Config) bool {
	return slices.Contains([]string{"random", "regularised"}, c.Search.Strategy) && c.Search.MaxEvaluations == 0
}

// checkEffect returns an error if the command line has a flag that has no effect with this configuration. A variable of the
// environment may have none: it is for many commands.
func checkEffect(c *cli.Context, cfg run.Config) error {
	for _, k := range conditional {
		for _, flag := range k.flags {
			if onCommandLine(c, flag) && !k.holds(cfg) {
				return usagef("--%s has an effect only %s", flag, k.condition)
			}
		}
	}
	return nil
}
