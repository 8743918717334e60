package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/internal/wholefile"
	"bnas.example/tensorboard"
	"bnas.example/train"
)

// eventsPattern matches the event files that bnas writes.
const eventsPattern = "events.out.tfevents.*.bnas"

// eventsName is the name of an event file. TensorBoard reads the files of a folder in the order of their names.
func eventsName(at time.Time) string {
	return strings.Replace(eventsPattern, "*", fmt.Sprintf("%010d", at.Unix()), 1)
}

// WriteEvents writes the metrics, the settings and the network of the run in dir as an event file for TensorBoard into the folder to,
// which it makes if it is missing. Event files that bnas wrote there before are removed. It returns the path of the file. If another process
// writes into the folder to, the error is a *LockedError.
func WriteEvents(dir, to string) (path string, err error) {
	if _, err := ReadConfig(dir); err != nil {
		return "", err
	}
	info, err := os.Stat(filepath.Join(dir, train.MetricsName))
	if err != nil {
		return "", fmt.Errorf("metrics: %w", err)
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return "", err
	}
	unlock, err := LockFolder(to)
	if err != nil {
		return "", err
	}
	defer unlock()
	return writeEvents(dir, to, info.ModTime())
}

// writeEvents writes into a folder that is locked. The last line of the metrics is of the time at.
func writeEvents(dir, to string, at time.Time) (path string, err error) {
	path = filepath.Join(to, eventsName(time.Now()))
	err = wholefile.WriteFrom(path, func(w io.Writer) error {
		file := bufio.NewWriter(w)
		e, err := beginEvents(file, dir, at)
		if err != nil {
			return err
		}
		defer e.close()
		if err = e.follow(); err == nil {
			err = e.network()
		}
		if err == nil {
			err = e.end()
		}
		return errors.Join(err, file.Flush())
	})
	if err != nil {
		return "", err
	}
	return path, removeEvents(to, path)
}

// removeEvents removes the event files of bnas in a folder but one.
func removeEvents(dir, but string) error {
	old, err := filepath.Glob(filepath.Join(escapeGlob(dir), eventsPattern))
	for _, name := range old {
		if filepath.Base(name) != filepath.Base(but) {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

// escapeGlob returns a pattern that matches a path alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// events writes the lines of the metrics of a run as events.
type events struct {
	dir     string
	w       *tensorboard.Writer
	metrics *metricsFile
	clock   clock
}

// clock gives the time of an event, in seconds since 1970. The metrics have the seconds since each start of training; the time between
// an end and the next start is left out.
type clock struct{ start, before, elapsed float64 }

// lapsed moves the clock to so many seconds after the last start, or after a new one.
func (c *clock) lapsed(seconds float64) {
	if seconds < c.elapsed {
		c.before += c.elapsed
	}
	c.elapsed = seconds
}

func (c *clock) now() float64 { return c.start + c.before + c.elapsed }

// beginEvents begins an event file of the run in dir with its settings. The last line of the metrics so far is of the time at.
func beginEvents(w io.Writer, dir string, at time.Time) (*events, error) {
	cfg, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	m, err := openMetrics(filepath.Join(dir, train.MetricsName))
	if err != nil {
		return nil, err
	}
	e := &events{dir: dir, metrics: m}
	if err := e.begin(w, cfg, at); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *events) begin(w io.Writer, cfg Config, at time.Time) error {
	err := e.eachLine(func(string, []byte) error { return nil }) // turns the clock
	if err != nil {
		return err
	}
	if err := e.metrics.rewind(); err != nil {
		return err
	}
	e.clock = clock{start: float64(at.UnixNano())/1e9 - e.clock.before - e.clock.elapsed}
	if e.w, err = tensorboard.NewWriter(w, e.clock.start); err != nil {
		return err
	}
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return err
	}
	settings, err := cfg.Leaves()
	if err != nil {
		return err
	}
	return e.w.Write(e.clock.start, 0,
		tensorboard.Text("config", "    "+strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    ")),
		tensorboard.Started(settings, e.clock.start))
}

func (e *events) close() { e.metrics.Close() }

// follow writes the whole lines that the metrics have got since the last call.
func (e *events) follow() error {
	return e.eachLine(func(kind string, line []byte) error {
		step, values, err := valuesOf(kind, line)
		if err != nil || len(values) == 0 {
			return err
		}
		return e.w.Write(e.clock.now(), step, values...)
	})
}

// end marks the run as done, if it is.
func (e *events) end() error {
	if at, err := train.ReadPosition(e.dir); err != nil || !at.Done() {
		return nil // an interrupted run has no mark
	}
	return e.w.Write(e.clock.now(), 0, tensorboard.Ended(e.clock.now()))
}

// eachLine calls do with the kind and the text of each whole line that is new, after turning the clock.
func (e *events) eachLine(do func(kind string, line []byte) error) error {
	return e.metrics.each(func(of metricHead, line []byte) error {
		if of.Time != nil {
			e.clock.lapsed(of.Time.Elapsed)
		}
		return do(of.Kind, line)
	})
}

// valuesOf returns the step and the values of a line of the metrics. A kind that it does not know has none.
func valuesOf(kind string, line []byte) (step int, values []tensorboard.Value, err error) {
	of, known := eventsOf[kind]
	if !known {
		return 0, nil, nil
	}
	return of(line)
}

// eventsOf reads a line of each kind of the metrics.
var eventsOf = map[string]func(line []byte) (step int, values []tensorboard.Value, err error){
	"step": eventsOfLine(func(l train.StepLine) (int, []tensorboard.Value) {
		return l.Step, []tensorboard.Value{
			tensorboard.Scalar("train/loss", l.Loss), tensorboard.Scalar("train/accuracy", l.Accuracy),
			tensorboard.Scalar("train/learning_rate", l.LR), tensorboard.Scalar("train/gradient_norm", l.GradNorm),
			tensorboard.Scalar("train/images_per_second", l.Time.ImagesPerSecond),
		}
	}),
	"epoch": eventsOfLine(func(l train.StepLine) (int, []tensorboard.Value) {
		return l.Step, []tensorboard.Value{tensorboard.Scalar("epoch/loss", l.Loss), tensorboard.Scalar("epoch/accuracy", l.Accuracy)}
	}),
	"test": eventsOfLine(func(l train.TestLine) (int, []tensorboard.Value) {
		return l.Step, []tensorboard.Value{tensorboard.Scalar("test/accuracy", l.Accuracy), tensorboard.Scalar("test/nll", l.NLL)}
	}),
	"rank": eventsOfLine(func(l train.RankLine) (int, []tensorboard.Value) {
		if l.Tau == nil {
			return l.Step, nil
		}
		return l.Step, []tensorboard.Value{tensorboard.Scalar("early_bird/tau", *l.Tau)}
	}),
	"gamma": eventsOfLine(func(l train.GammaLine) (int, []tensorboard.Value) { return l.Step, gammaValues(l) }),
}

// eventsOfLine reads a line as an L.
func eventsOfLine[L any](of func(l L) (step int, values []tensorboard.Value)) func(line []byte) (int, []tensorboard.Value, error) {
	return func(line []byte) (int, []tensorboard.Value, error) {
		var l L
		if err := json.Unmarshal(line, &l); err != nil {
			return 0, nil, err
		}
		step, values := of(l)
		return step, values, nil
	}
}

// gammaValues are the sizes and the histograms of γ by operator, and the node norms.
func gammaValues(l train.GammaLine) (values []tensorboard.Value) {
	sizes := meanByOperator(l.MeanAbsGamma)
	for _, op := range slices.Sorted(maps.Keys(sizes)) {
		values = append(values, tensorboard.Scalar("mean_abs_gamma/"+op, sizes[op]))
	}
	for _, op := range slices.Sorted(maps.Keys(l.Histograms)) {
		if h := l.Histograms[op]; len(h.Counts) > 0 {
			values = append(values, tensorboard.Histogram(h).Value("gamma/"+op))
		}
	}
	return append(values, tensorboard.Scalar("node_norm/median", l.NodeNorm.Median), tensorboard.Scalar("node_norm/effective_lr", l.EffectiveLR.Median))
}

// liveEvents writes the event file of a run while it trains; nil writes none. A failure ends the file, not the training: WriteEvents
// makes it again.
type liveEvents struct {
	dir  string
	file *os.File
	e    *events // nil before the first step
	dead bool
}

// follow adds what is new in the metrics. The first call begins the file: the metrics then are those of this run alone.
func (l *liveEvents) follow() {
	if l == nil || l.dead {
		return
	}
	err := l.begin()
	if err == nil {
		err = l.e.follow()
	}
	l.failed(err)
}

func (l *liveEvents) begin() (err error) {
	if l.e != nil {
		return nil
	}
	at := time.Now()
	if l.file, err = os.Create(filepath.Join(l.dir, eventsName(at))); err != nil {
		return err
	}
	if err := removeEvents(l.dir, l.file.Name()); err != nil {
		return err
	}
	l.e, err = beginEvents(l.file, l.dir, at)
	return err
}

func (l *liveEvents) failed(err error) {
	if err != nil {
		l.dead = true
		slog.Warn("the event file for TensorBoard ends here; the command makes it again", "reason", err, "command", "bnas tensorboard "+l.dir)
	}
}

// close writes the last lines and closes the file, if it was begun.
func (l *liveEvents) close() {
	if l == nil || l.file == nil {
		return
	}
	l.follow()
	if !l.dead {
		l.failed(l.e.end())
	}
	if l.e != nil {
		l.e.close()
	}
	if err := l.file.Close(); !l.dead {
		l.failed(err)
	}
}
