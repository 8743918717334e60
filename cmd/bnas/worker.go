package main

import (
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"bnas.example/cluster"
)

// overPipes is the value of --join of a worker whose standard input and output are the connection.
const overPipes = "-"

func workerCommand() *cli.Command {
	return &cli.Command{
		Name:  "worker",
		Usage: "score architectures for a search or a scoring that another process has started",
		Flags: append([]cli.Flag{
			textFlag("join", "work for the coordinator at `URL`; - is standard input and output", "required"),
			intFlag("threads", "`N` CPU threads (0: every core)", 0, 0, 1024),
			textFlag("data-dir", "the folder `DIR` of the images on this machine", "that of the coordinator"),
		}, outputFlags()...),
		Description: "bnas score --run runs/fair --sample 100 --workers 2\n\n" +
			"bnas search --workers N and bnas score --workers N start N workers, and replace those that end (docs/cluster.md).\n" +
			"A worker gets the network from the coordinator, opens the same images, and proves that its scores have the same bits:\n" +
			"the version, every parameter, the images, the settings and the kind of arithmetic must agree.",
		Action: work,
	}
}

func work(c *cli.Context) error {
	if err := needs(c, "join"); err != nil {
		return err
	}
	if err := beforeWork(); err != nil {
		return err
	}
	if join := c.String("join"); join != overPipes {
		return usagef("--join %s: only - is known", join)
	}
	l, err := cluster.JoinOver(cluster.Pipes(os.Stdin, os.Stdout))
	if err != nil {
		return err
	}
	defer l.Close()
	o := cluster.WorkOptions{Version: version(), Threads: c.Int("threads"), DataDir: c.String("data-dir")}
	o.Run.HandOver = handOver
	if !c.Bool("quiet") {
		o.Log, o.Run.Log = slog.Default(), slog.Default()
	}
	return cluster.Work(c.Context, l, true, o)
}
