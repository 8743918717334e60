package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"bnas.example/search"
	"bnas.example/train"
)

// These are the exit codes. The help of every command lists them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 75 // EX_TEMPFAIL of sysexits: run the printed command to continue
	exitKilled      = 130
)

const exitHelp = `
EXIT STATUS
   0    done
   1    failed: the last line on stderr says what, where, and what to do
   2    wrong use: a flag, an argument or a configuration key
   75   interrupted or out of budget; everything is saved and the printed command goes on
   130  interrupted twice: ended at once`

// usageError means that the command line is wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// interrupted means that the work was stopped and a command can resume it.
type interrupted struct {
	cause error
	goOn  string
}

func (e interrupted) Error() string { return e.cause.Error() + "; to go on: " + e.goOn }
func (e interrupted) Unwrap() error { return e.cause }

// execute runs the program and returns the exit code. It writes results to stdout and everything else to stderr.
func execute(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "bnas: internal error: %v (this is a defect of bnas; set BNAS_TRACEBACK=1 for the stack)\n", r)
			if os.Getenv("BNAS_TRACEBACK") != "" {
				stderr.Write(debug.Stack())
			}
			code = exitFailure
		}
	}()
	ctx, stop := interruptible(stderr)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{ReplaceAttr: dropTime})))
	app := newApp(stdout, stderr)
	err := app.RunContext(ctx, intersperse(app, args))
	if err != nil {
		fmt.Fprintln(stderr, "bnas: "+strings.TrimSpace(err.Error()))
	}
	return exitCode(err)
}

// exitCode returns the exit code of an error.
func exitCode(err error) int {
	var usage usageError
	var stopped interrupted
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &stopped), errors.Is(err, train.ErrInterrupted), errors.Is(err, search.ErrInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailure
}

// interruptible returns a context that SIGINT, SIGTERM and SIGHUP cancel. A second signal ends the process at once.
func interruptible(stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		fmt.Fprintln(stderr, "\nbnas: finishing the step and saving; once more to end at once")
		cancel()
		if _, ok := <-signals; ok {
			os.Exit(exitKilled)
		}
	}()
	return ctx, func() { signal.Stop(signals); close(signals); cancel() }
}

func dropTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                   "bnas",
		Usage:                  "neural architecture search that trains nothing but BatchNorm",
		Version:                version(),
		Metadata:               map[string]any{},
		Writer:                 stdout,
		ErrWriter:              stderr,
		ExitErrHandler:         func(*cli.Context, error) {},
		EnableBashCompletion:   true,
		UseShortOptionHandling: false,
		HideHelpCommand:        true,
		OnUsageError:           onUsageError,
		Action:                 unknownCommand,
		Commands: []*cli.Command{
			runCommand(), trainCommand(), scoreCommand(), searchCommand(), correlateCommand(), evalCommand(), ntkCommand(),
			spaceCommand(), exportCommand(), traceCommand(), benchCommand(), planCommand(), doctorCommand(),
		},
	}
	for _, c := range app.Commands {
		prepare(c)
	}
	return app
}

// prepare adds the common flags and help to a command and its subcommands.
func prepare(c *cli.Command) {
	c.OnUsageError = onUsageError
	c.HideHelpCommand = true
	if len(c.Subcommands) == 0 {
		c.Description += "\n" + exitHelp
	} else if c.Action == nil {
		c.Action = unknownCommand
	}
	if action := c.Action; action != nil {
		c.Action = func(ctx *cli.Context) error { return inFlags(c, action(ctx)) }
	}
	for _, s := range c.Subcommands {
		prepare(s)
	}
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	name := "bnas"
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return usagef("%w; see %s --help", err, name)
}

// unknownCommand handles a command line without a known command.
func unknownCommand(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("there is no command %q; see %s --help", c.Args().First(), c.Command.HelpName)
	}
	return cli.ShowSubcommandHelp(c)
}

// version returns the module's version and revision from the build information.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	return v
}
