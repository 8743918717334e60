package train

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"bnas.example/internal/wholefile"
	"bnas.example/kernels"
)

// MetricsName is the metrics' file in a run folder: one JSON object a line, of the types below. All but the field
// "time" is a function of the configuration: a resumed run writes the lines of an uninterrupted one.
const MetricsName = "metrics.jsonl"

// StepLine is the mean over the steps since the line before it (kind "step") or over an epoch (kind "epoch").
type StepLine struct {
	Kind     string  `json:"kind"`
	Step     int     `json:"step"` // updates made
	Epoch    int     `json:"epoch"`
	Loss     float64 `json:"loss"`      // with label smoothing
	Accuracy float64 `json:"accuracy"`  // of the training batches, as sampled
	LR       float64 `json:"lr"`        // of the last step
	GradNorm float64 `json:"grad_norm"` // before clipping
	Time     Time    `json:"time"`
}

// Time holds the figures that differ between two runs of the same configuration.
type Time struct {
	Elapsed         float64 `json:"elapsed"`           // seconds since Run was called
	ImagesPerSecond float64 `json:"images_per_second"` // since the line before it of the same kind, forward and backward passes of all paths counted
}

// GammaLine shows the sizes of γ: MeanAbsGamma[gene][option] is mean |γ| over the option's
// BatchNorms in the whole supernet; options without BatchNorm are absent. The node norms are ‖θ_v‖ over the γ and β that
// enter a node of the last path: the function does not depend on them where the node's consumers normalise, but the
// effective learning rate lr/‖θ_v‖² does.
type GammaLine struct {
	Kind         string                        `json:"kind"` // "gamma"
	Step         int                           `json:"step"`
	MeanAbsGamma map[string]map[string]float64 `json:"mean_abs_gamma"`
	NodeNorm     Spread                        `json:"node_norm"`
	EffectiveLR  Spread                        `json:"effective_lr"`
	// Histograms of γ by operator, over the whole supernet. Lines of older versions have none.
	Histograms map[string]Histogram `json:"histograms,omitempty"`
}

// Spread is the smallest, the middle and the largest of some values.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// RankLine is one point of the early bird's curve.
type RankLine struct {
	Kind    string   `json:"kind"` // "rank"
	Step    int      `json:"step"`
	Tau     *float64 `json:"tau"`     // agreement with the snapshot before; null for the first, or if undefined
	Settled int      `json:"settled"` // successive agreements at or above the bound
}

// tally sums the figures of several steps.
type tally struct {
	Steps, Images, Correct int
	Loss, Norm             float64
}

func (t *tally) add(o tally) {
	t.Steps += o.Steps
	t.Images += o.Images
	t.Correct += o.Correct
	t.Loss += o.Loss
	t.Norm += o.Norm
}

func (t tally) line(kind string, step, epoch int, lr float64, at Time) StepLine {
	n := float64(t.Steps)
	return StepLine{
		Kind: kind, Step: step, Epoch: epoch, Loss: t.Loss / n, Accuracy: float64(t.Correct) / float64(t.Images),
		LR: lr, GradNorm: t.Norm / n, Time: at,
	}
}

// record counts a step and writes the lines that are due.
func (t *Trainer) record(now tally, lr float64, p *kernels.Program) error {
	s, m := &t.state, t.metrics
	perEpoch := t.loader.StepsPerEpoch()
	epoch := s.Step / perEpoch
	s.Line.add(now)
	s.Epoch.add(now)
	m.images += now.Images
	if s.Step%t.cfg.MetricsEvery == 0 || s.Step == t.total {
		if err := t.write(s.Line.line("step", s.Step, epoch, lr, m.lap(&m.stepLap))); err != nil {
			return err
		}
		s.Line = tally{}
	}
	if s.Step%perEpoch == 0 || s.Step == t.total {
		if err := t.write(s.Epoch.line("epoch", s.Step, epoch, lr, m.lap(&m.epochLap))); err != nil {
			return err
		}
		s.Epoch = tally{}
	}
	if t.cfg.GammaEvery > 0 && (s.Step%t.cfg.GammaEvery == 0 || s.Step == t.total) {
		line, err := t.gammaLine(lr, p)
		if err != nil {
			return fmt.Errorf("train: step %d, after path %s: %w", s.Step, t.path, remedied(err))
		}
		return t.write(line)
	}
	return nil
}

func (t *Trainer) write(line any) error {
	if err := t.metrics.write(line); err != nil {
		return err
	}
	t.state.Lines++
	return nil
}

// metrics appends lines to the file, and takes the times.
type metrics struct {
	file              *os.File // nil: another rank writes them
	start             time.Time
	images            int // processed since the start
	stepLap, epochLap lap
}

// lap is the start of the interval of a rate.
type lap struct {
	at     time.Time
	images int
}

// openMetrics opens the file and truncates it after its first lines.
func openMetrics(dir string, lines int) (*metrics, error) {
	f, err := wholefile.OpenGrowing(filepath.Join(dir, MetricsName))
	if err != nil {
		return nil, fmt.Errorf("train: metrics: %w", err)
	}
	if err := truncateLines(f, lines); err != nil {
		return nil, cmp.Or(fmt.Errorf("train: metrics: %w", err), f.Close())
	}
	return newMetrics(f), nil
}

// newMetrics returns metrics that begin now. Without a file their lines are lost.
func newMetrics(f *os.File) *metrics {
	now := time.Now()
	return &metrics{file: f, start: now, stepLap: lap{at: now}, epochLap: lap{at: now}}
}

// hasMetrics reports whether dir holds metrics.
func hasMetrics(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, MetricsName))
	return err == nil && info.Size() > 0
}

// truncateLines keeps the first lines of f and seeks to its end. If f has fewer whole lines, it keeps these and logs a
// warning: a run can continue without its metrics.
func truncateLines(f *os.File, lines int) error {
	var whole, size int64 // bytes of whole lines, bytes read
	r := bufio.NewReader(f)
	have := 0
	for have < lines {
		part, err := r.ReadSlice('\n')
		size += int64(len(part))
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		whole = size
		have++
	}
	if have < lines {
		slog.Warn("the metrics have fewer lines than the checkpoint counted", "file", f.Name(), "lines", have, "want", lines)
	}
	if err := f.Truncate(whole); err != nil {
		return err
	}
	_, err := f.Seek(whole, io.SeekStart)
	return err
}

func (m *metrics) write(line any) error {
	if m.file == nil {
		return nil
	}
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	if _, err := m.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

// lap returns the time since the start and the rate since l, and moves l to now.
func (m *metrics) lap(l *lap) Time {
	now := time.Now()
	t := Time{
		Elapsed:         now.Sub(m.start).Seconds(),
		ImagesPerSecond: float64(m.images-l.images) / max(now.Sub(l.at).Seconds(), 1e-9),
	}
	*l = lap{at: now, images: m.images}
	return t
}

// sync writes all lines to the disk.
func (m *metrics) sync() error {
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

func (m *metrics) close() error {
	if m.file == nil {
		return nil
	}
	if err := m.file.Close(); err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}
