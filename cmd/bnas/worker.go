package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"bnas.example/cluster"
	"bnas.example/run"
)

// overPipes is the value of --join of a worker whose standard input and output are the connection.
const overPipes = "-"

func workerCommand() *cli.Command {
	return &cli.Command{
		Name:  "worker",
		Usage: "score architectures for a search or a scoring that another process has started",
		Flags: append([]cli.Flag{
			textFlag("join", "work for the coordinator that listens at `URL`, nats://HOST:PORT; - is standard input and output", "none"),
			tokenFlag(catCommand),
			natsFlag(catCommand),
			&cli.BoolFlag{Name: "once", Usage: "end when the first coordinator has no more work", Category: catCommand},
			intFlag("threads", "`N` CPU threads (0: every core)", 0, 0, 1024),
			numberFlag("gpu", "the GPU `N` of this machine, counted from 0", 1023, "that of the coordinator"),
			textFlag("data-dir", "the folder `DIR` of the images on this machine", "that of the coordinator"),
		}, outputFlags()...),
		Description: "bnas score --run runs/fair --sample 100 --workers 2\n\n" +
			"With --workers N, bnas search and bnas score start N workers, and replace those that end (docs/cluster.md).\n" +
			"With --listen HOST:PORT they print the command that starts another worker, on any machine.\n" +
			"A worker gets the network from the coordinator, opens the same images, and proves that its scores have the same bits:\n" +
			"the version, every parameter, the images, the settings and the kind of arithmetic must agree.\n" +
			"At --nats, where several searches may be, a worker that one of them refuses looks for another, for two minutes.\n" +
			"When the work is done it waits for the next coordinator, until Ctrl-C; with --once it ends.",
		Action: work,
	}
}

func work(c *cli.Context) error {
	at, err := workplaceOf(c)
	if err != nil {
		return err
	}
	if err := beforeWork(); err != nil {
		return err
	}
	if err := serving(c); err != nil {
		return err
	}
	o, ctx := workOptions(c), c.Context
	if at.tethered() {
		if ctx, o.Session, err = cluster.Tether(ctx, os.Stdin); err != nil {
			return err
		}
	}
	l, err := cluster.Await(ctx, o.Log, joinPatience, at.connect)
	if err == nil {
		defer l.Close()
		err = cluster.Work(ctx, l, c.Bool("once") || at.ofParent(), o)
	}
	if errors.Is(err, context.Canceled) {
		return nil // what it held is with other workers again
	}
	return err
}

// workOptions are those of the flags.
func workOptions(c *cli.Context) cluster.WorkOptions {
	o := cluster.WorkOptions{Version: identity(), Machine: run.Machine{Threads: c.Int("threads"), GPU: -1, DataDir: c.String("data-dir")}}
	if c.IsSet("gpu") {
		o.Machine.GPU = c.Int("gpu")
	}
	o.Run.HandOver, o.Run.Sharers = handOver, sharersOfDevice()
	if !c.Bool("quiet") {
		o.Log, o.Run.Log = slog.Default(), slog.Default()
	}
	return o
}

// joinPatience is how long a worker waits until somebody listens where it is to join. A test has none.
var joinPatience = cluster.Outage

// workplace is where the work is: at a NATS server, or with a coordinator that listens or has started this process.
type workplace struct{ join, token, server string }

// workplaceOf returns that of the flags. On the command line --join and --nats each displace the variable of the other.
func workplaceOf(c *cli.Context) (workplace, error) {
	w := workplace{c.String("join"), c.String("token"), c.String("nats")}
	if w.ofParent() {
		return w, nil // BNAS_NATS then says where the work is
	}
	switch at, on := onCommandLine(c, "join"), onCommandLine(c, "nats"); {
	case at && !on:
		w.server = ""
	case on && !at:
		w.join = ""
	}
	if (w.join == "") == (w.server == "") {
		return w, usagef("name where the work is in one way: --join nats://HOST:PORT or --nats URL")
	}
	if w.server != "" && onCommandLine(c, "token") {
		return w, errTokenOfNATS
	}
	if w.join != "" && w.token == "" {
		return w, usagef("--join needs --token, the one that the coordinator has printed")
	}
	return w, nil
}

// ofParent reports whether the coordinator has started this process.
func (w workplace) ofParent() bool { return w.join == overPipes }

// tethered reports whether the coordinator that has started this process meets it at a server.
func (w workplace) tethered() bool { return w.ofParent() && w.server != "" }

// connect connects to where the work is.
func (w workplace) connect() (*cluster.Link, error) {
	switch {
	case w.server != "":
		return cluster.Connect(w.server)
	case w.ofParent():
		return cluster.JoinOver(cluster.Pipes(os.Stdin, os.Stdout), w.token)
	}
	return cluster.Join(w.join, w.token)
}
