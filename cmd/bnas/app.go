package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// These are the exit codes. The help of every command lists them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 75  // EX_TEMPFAIL of sysexits: run the printed command to continue
	exitKilled      = 130 // interrupted, and something is lost
)

const exitHelp = `
EXIT STATUS
   0    done
   1    failed: the last line on stderr says what, where, and what to do
   2    wrong use: a flag, an argument or a configuration key
   75   interrupted or out of time; everything is saved and the printed command goes on
   130  interrupted; what the command did is lost, or a second signal ended it at once`

// usageError means that the command line is wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// execute runs the program and returns the exit code. It writes results to stdout and everything else to stderr.
func execute(args []string, stdout, stderr io.Writer) int {
	together, err := startedTogether()
	out, log := &console{w: together.audible(stdout)}, &console{w: together.audible(stderr)}
	if err != nil {
		report(log, oneLine(plain(err)), textLog)
		return exitFailure
	}
	app := newApp(out, log)
	if n := len(args) - 1; n > 0 && args[n] == suggestFlag {
		suggest(out, app, args[1:n])
		return exitOK
	}
	line, added := withEnvironment(app, intersperse(app, args))
	format := logFormat(line)
	logTo(log, slog.LevelInfo, format)
	k := &keeper{}
	notices := io.Writer(log)
	if together != nil {
		notices = io.Discard // mpirun sends a signal when another process has died, too
	}
	ctx, stop := interruptible(notices, k)
	defer stop()
	app.Metadata[keeperKey], app.Metadata[argsKey], app.Metadata[environmentKey] = k, args, added
	app.Metadata[ranksKey] = together
	err = attend(ctx, k, func() error { return recovered(ctx, app, args, line) })
	if err == nil {
		err = out.failed()
	}
	tell := func(w io.Writer) func(error) {
		return func(err error) {
			report(w, namesVariables(oneLine(strings.TrimSpace(plain(err))), added), format)
		}
	}
	if err = together.end(err, tell(stderr)); err != nil {
		tell(log)(err)
	}
	return exitCode(err)
}

// argsKey is the place of the command line in the metadata of the program.
const argsKey = "args"

// recovered runs the command of args, written as line. A panic becomes an error.
func recovered(ctx context.Context, app *cli.App, args, line []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v (this is a defect of bnas; set BNAS_TRACEBACK=1 for the stack)", r)
			if os.Getenv("BNAS_TRACEBACK") != "" {
				app.ErrWriter.Write(debug.Stack())
			}
		}
	}()
	if err := known(app, args); err != nil {
		return err
	}
	return app.RunContext(ctx, line)
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
	case errors.As(err, &stopped):
		return exitInterrupted
	case errors.Is(err, errLost), errors.Is(err, context.Canceled):
		return exitKilled
	}
	return exitFailure
}

func newApp(stdout, stderr io.Writer) *cli.App {
	cli.FlagStringer = flagHelp
	app := &cli.App{
		Name:                   "bnas",
		Usage:                  "neural architecture search that trains nothing but BatchNorm",
		Version:                version(),
		Metadata:               map[string]any{},
		Writer:                 stdout,
		ErrWriter:              stderr,
		ExitErrHandler:         func(*cli.Context, error) {},
		UseShortOptionHandling: false,
		// A file or a column may have a comma in its name: a flag that takes several is repeated.
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		Flags:                     []cli.Flag{cli.HelpFlag}, // the cli package adds it only where there is no command "help"
		OnUsageError:              onUsageError,
		Action:                    unknownCommand,
		Commands: []*cli.Command{
			runCommand(), trainCommand(), retrainCommand(), scoreCommand(), searchCommand(), correlateCommand(), evalCommand(), ntkCommand(), studyCommand(),
			spaceCommand(), exportCommand(), importCommand(), traceCommand(), batchesCommand(), benchCommand(), planCommand(), doctorCommand(),
			workerCommand(), statusCommand(), tensorboardCommand(), runsCommand(), serveCommand(), completionCommand(), manCommand(),
			versionCommand(), helpCommand(),
		},
	}
	for _, c := range app.Commands {
		prepare(c)
	}
	return app
}

// prepare adds what all commands have to a command and its subcommands.
func prepare(c *cli.Command) {
	c.OnUsageError = onUsageError
	c.HideHelpCommand = true
	if len(c.Subcommands) == 0 {
		c.Description += "\n" + exitHelp
	} else if c.Action == nil {
		c.Action = unknownCommand
	}
	action := c.Action
	c.Action = func(ctx *cli.Context) error {
		if err := ranksOf(ctx).allows(c.Name); err != nil {
			return err
		}
		if len(c.Subcommands) == 0 && c.ArgsUsage == "" && ctx.NArg() > 0 {
			return usagef("%s takes no arguments, got %q", ctx.Command.HelpName, ctx.Args().First())
		}
		if ctx.Bool("quiet") {
			logTo(ctx.App.ErrWriter, slog.LevelError, ctx.String(logFlag.Name))
		}
		return inFlags(c, action(ctx))
	}
	for _, s := range c.Subcommands {
		prepare(s)
	}
}
