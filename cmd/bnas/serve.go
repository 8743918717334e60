package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/serve"
)

// defaultListen is the address of bnas serve: this machine alone.
const defaultListen = "127.0.0.1:6464"

func serveCommand() *cli.Command {
	listen := textFlag("listen", "serve at `HOST:PORT`; port 0 is a free one", defaultListen)
	listen.Value = defaultListen
	return &cli.Command{
		Name: "serve", Usage: "show the runs of a folder in a browser, while they go on", ArgsUsage: "[DIR]", Flags: append(outputFlags(), runsFlag(), listen), Action: serveRuns,
		Description: "bnas serve --listen 127.0.0.1:0" +
			"\n\nThe pages show each run's state, curves, ranking and network, and compare runs. They change nothing. Pages of runs that go on" +
			"\nare renewed every few seconds. Ctrl-C ends the command." +
			"\n\nThe address is that of this machine alone, unless --listen names another. There is no password: who can reach it sees the runs.",
	}
}

// pageServer serves pages, and ends connections whose other end has gone: each holds a file of the process.
func pageServer(pages http.Handler) *http.Server {
	return &http.Server{
		Handler: pages, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
}

func serveRuns(c *cli.Context) error {
	dir, err := runsFolder(c)
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usagef("%s: not a folder", dir)
	}
	if err := beforeWork(); err != nil {
		return err
	}
	if err := serving(c); err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.String("listen"))
	if err != nil {
		return usagef("--listen %s: %v", c.String("listen"), err)
	}
	local := l.Addr().(*net.TCPAddr).IP.IsLoopback()
	if !local {
		slog.Warn("others can read the runs", "address", l.Addr().String())
	}
	page := "http://" + l.Addr().String() + "/"
	result := struct {
		URL  string `json:"url"`
		Runs string `json:"runs"`
	}{page, dir}
	if err := output(c, result, func(w io.Writer) { fmt.Fprintf(w, "%s\tCtrl-C ends it\n", page) }); err != nil {
		return err
	}
	s := pageServer(serve.New(dir, local))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-c.Context.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Shutdown(last); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
