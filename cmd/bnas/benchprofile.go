package main

import (
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/kernels"
)

var profileFlag = &cli.BoolFlag{Name: "profile", Usage: "the time of each phase of the CPU engine, in a second measurement", Category: catOutput}

// profile is where the time of a step goes.
type profile struct {
	StepMS   float64       `json:"step_ms"` // the mean of the profiled steps
	Phases   []phaseResult `json:"phases"`
	GFLOPS   float64       `json:"products_gflops"`    // of the products while they run, all threads
	PeakPart float64       `json:"products_peak_part"` // of the FMA peak
}

type phaseResult struct {
	Phase string  `json:"phase"`
	MS    float64 `json:"ms"` // a step, the mean of the threads
	Part  float64 `json:"part"`
}

// profile measures the phases of a few steps of a Profiler. What no phase has is the time of one thread between the steps of the Program, and
// of threads that wait for the others.
func (b *benched) profile(repeats int, peak float64) (*profile, error) {
	e := kernels.Unwrap(b.exec).(kernels.Profiler)
	e.Profile()
	start := time.Now()
	for range repeats {
		if err := b.step(); err != nil {
			return nil, err
		}
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) / float64(repeats) }
	p := &profile{StepMS: ms(time.Since(start))}
	phases, flops := e.Phases()
	threads, left := time.Duration(b.Device.Info().Threads), p.StepMS
	add := func(name string, t float64) {
		p.Phases = append(p.Phases, phaseResult{name, t, t / p.StepMS})
	}
	for i, d := range phases {
		if d > 0 {
			add(kernels.Phase(i).String(), ms(d/threads))
			left -= ms(d / threads)
		}
	}
	add("one thread, waiting", max(left, 0))
	if d := phases[kernels.ProductPhase]; d > 0 {
		p.GFLOPS = flops / (d / threads).Seconds() / 1e9
	}
	if peak > 0 {
		p.PeakPart = p.GFLOPS / peak
	}
	return p, nil
}

func (p *profile) write(w io.Writer) {
	fmt.Fprintf(w, "\nPHASE\tms\tPART\n")
	for _, x := range p.Phases {
		fmt.Fprintf(w, "%s\t%.1f\t%.0f %%\n", x.Phase, x.MS, 100*x.Part)
	}
	fmt.Fprintf(w, "a step\t%.1f\t\n", p.StepMS)
	fmt.Fprintf(w, "\nproducts\t%.0f GFLOP/s while they run", p.GFLOPS)
	if p.PeakPart > 0 {
		fmt.Fprintf(w, ", %.0f %% of the FMA peak", 100*p.PeakPart)
	}
	fmt.Fprintln(w)
}
