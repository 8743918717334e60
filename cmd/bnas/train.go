package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/amount"
	"bnas.example/run"
	"bnas.example/train"
	"bnas.example/train/mpi"
)

var (
	outFlag    = textFlag("out", "a new run in the folder `DIR`", "runs/ and the time")
	resumeFlag = textFlag("resume", "go on with the run in the folder `DIR`", "none")
)

func trainCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings, augmentSettings, trainSettings, compositeSetting, networkSeeds)
	return &cli.Command{
		Name:  "train",
		Usage: "train a supernet's BatchNorm and nothing else",
		Flags: append(flags(settings, computeSettings), presetFlag, outFlag, resumeFlag, tensorboardFlag, rankTimeoutFlag),
		Description: "bnas train --data cifar10 --data-dir ~/cifar-10-batches-bin --epochs 2 --out runs/fair\n" +
			"bnas train --resume runs/fair",
		Action: func(c *cli.Context) error {
			if r := ranksOf(c); r != nil {
				r.world.Limit(c.Duration(rankTimeoutFlag.Name))
			}
			r, result, err := trainRun(c, settings)
			if err != nil {
				return err
			}
			defer r.Close()
			if steps, ok := r.ResultSteps(); ok && steps != result.Step {
				result.ResultSteps = &steps
			}
			return output(c, result, func(w io.Writer) {
				result.text(w)
				result.next(w)
			})
		},
	}
}

// trainResult is the result of training.
type trainResult struct {
	Dir      string  `json:"dir"`
	Step     int     `json:"step"`
	Total    int     `json:"total"`
	Settled  bool    `json:"settled"`
	Loss     number  `json:"loss"`     // of the last step; null: this command made none
	Accuracy number  `json:"accuracy"` // likewise
	Seconds  float64 `json:"seconds"`
	// ResultSteps of the search result in the folder, if they are others than Step.
	ResultSteps *int `json:"result_steps,omitempty"`
}

// next says what to do with the trained supernet.
func (r trainResult) next(w io.Writer) {
	if r.ResultSteps != nil {
		fmt.Fprintf(w, "outdated\t%s and %s there are of %s; the next command renews them\n", run.ResultName, run.ReportName, amount.Of(*r.ResultSteps, "step"))
	}
	fmt.Fprintf(w, "next\t%s\n", command("bnas", "search", "--run", r.Dir))
}

func (r trainResult) text(w io.Writer) {
	fmt.Fprintf(w, "run\t%s\n", r.Dir)
	fmt.Fprintf(w, "steps\t%d of %d\n", r.Step, r.Total)
	if r.Settled {
		fmt.Fprintf(w, "ended\tearly: the ranking had settled\n")
	}
	if r.Seconds > 0 {
		fmt.Fprintf(w, "last step\tloss %.4f, accuracy %.1f %%\n", r.Loss, 100*r.Accuracy)
		fmt.Fprintf(w, "time\t%s\n", time.Duration(r.Seconds*float64(time.Second)).Round(time.Second/10))
	}
}

// trainRun makes the run of the command line, or resumes the one of --resume, and trains it to the end.
func trainRun(c *cli.Context, settings []setting) (*run.Run, trainResult, error) {
	open := freshRun
	if c.String("resume") != "" {
		open = resumedRun
	}
	r, err := open(c, settings)
	if err != nil {
		return nil, trainResult{}, err
	}
	r.TensorBoard = c.Bool(tensorboardFlag.Name)
	if err := keeping(c); err != nil {
		r.Close()
		return nil, trainResult{}, err
	}
	result, err := trainToEnd(c, r)
	if err != nil {
		r.Close()
		var silent *mpi.SilentError
		if errors.Is(err, train.ErrInterrupted) || errors.Is(err, train.ErrBudget) || errors.As(err, &silent) {
			err = interrupted{err, ranksOf(c).start(resumingCommand(c, r.Dir))}
		}
		return nil, result, err
	}
	return r, result, nil
}

// resumingCommand is the command that goes on with an interrupted run in dir. The folder of a new run has its settings. Those that the flags
// of a resumed one have changed, such as the limits of the search, are on the command line alone.
func resumingCommand(c *cli.Context, dir string) string {
	if onCommandLine(c, "resume") {
		return sameCommand(c)
	}
	again := []string{"bnas", c.Command.Name, "--resume", dir}
	if onCommandLine(c, tensorboardFlag.Name) && c.Bool(tensorboardFlag.Name) {
		again = append(again, "--"+tensorboardFlag.Name)
	}
	return command(again...)
}

// freshRun makes the run of --out.
func freshRun(c *cli.Context, settings []setting) (*run.Run, error) {
	cfg, err := configOf(c, settings...)
	if err != nil {
		return nil, err
	}
	o := options(c)
	o.Search = c.Command.Name == "run"
	return run.Create(newFolder(c), cfg, o)
}

// newFolder returns the folder of --out, or one with the current time as its name.
func newFolder(c *cli.Context) string {
	if dir := c.String("out"); dir != "" {
		return dir
	}
	return filepath.Join("runs", time.Now().Format("20060102-150405"))
}

// resumedRun opens the run of --resume. Flags may change settings that do not change the result. The checkpoint refuses
// other changes and names them.
func resumedRun(c *cli.Context, settings []setting) (*run.Run, error) {
	dir := c.String("resume")
	if c.IsSet("out") {
		return nil, usagef("--out cannot be given with --resume: the run stays in %s", dir)
	}
	cfg, err := runConfig(c, dir, settings)
	if err != nil {
		return nil, err
	}
	return run.Resume(dir, cfg, options(c))
}

// slowStep is the time of a first step above which a line says what makes it faster.
const slowStep = 10 * time.Second

func trainToEnd(c *cli.Context, r *run.Run) (trainResult, error) {
	var bar *progress
	var b *board
	if !ranksOf(c).follows() {
		b = boardIn(r.Dir, nil)
		defer b.end()
	}
	var slow slowness
	r.Ranking = func(done, total int) {
		work := "" // the next step
		if done < total {
			work = fmt.Sprintf("ranking: network %d of %d", done+1, total)
		}
		bar.doing(work)
		slow.ranked(done, time.Now())
	}
	got, err := r.Train(c.Context, func(p train.Progress) {
		b.at(run.Training, p.Step, p.Total, 0)
		if bar == nil { // the start
			bar = newProgress(c, "train", p.Total)
			bar.resumed(p.Step)
			slow.from = time.Now()
			return
		}
		bar.at(p.Step, fmt.Sprintf("loss %.3f, accuracy %.0f %%", p.Loss, 100*p.Accuracy))
		slow.stepped(p, time.Now(), c.String("resume") != "")
	})
	if bar != nil {
		bar.end()
	}
	loss, accuracy := number(got.Last.Loss), number(got.Last.Accuracy)
	if got.Last.Step == 0 { // the run was complete
		loss, accuracy = number(math.NaN()), number(math.NaN())
	}
	return trainResult{Dir: r.Dir, Step: got.Step, Total: got.Total, Settled: got.Settled, Loss: loss, Accuracy: accuracy, Seconds: got.Took.Seconds()}, err
}

// slowness measures the first ranking and the first step, and warns once if they take long.
type slowness struct {
	from    time.Time // of the ranking or of the step
	ranking time.Duration
	warned  bool
}

// ranked is called before the first network of a ranking and after each.
func (s *slowness) ranked(done int, now time.Time) {
	if done > 0 {
		s.ranking += now.Sub(s.from)
	}
	s.from = now
}

// stepped is called after each step.
func (s *slowness) stepped(p train.Progress, now time.Time, resumed bool) {
	if s.warned {
		return
	}
	s.warned = true
	took := now.Sub(s.from)
	if took+s.ranking < slowStep {
		return
	}
	faster := "--height and --width, --channels, --batch, or a GPU"
	if resumed {
		faster = "a GPU; a new run with a lower --height and --width, --channels or --batch"
	}
	if s.ranking > took {
		faster += "; --rank-every 0 leaves out the ranking"
	}
	steps := time.Duration(p.Total-p.Step) * took
	slog.Warn("the first step took long", "ranking before it", s.ranking.Round(time.Second), "step", took.Round(time.Second/10),
		"the other steps take about", steps.Round(time.Second), "faster with", faster)
}
