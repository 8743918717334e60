package study

import (
	"errors"
	"slices"
	"testing"

	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
	"bnas.example/run"
	"bnas.example/train"
)

// TestScoresWithinTraining scores networks between the steps of a training. On every device the training goes on as without.
func TestScoresWithinTraining(t *testing.T) {
	for _, device := range []string{"cpu", "gpu-emulated"} {
		t.Run(device, func(t *testing.T) {
			t.Parallel()
			if _, err := emulated.New(emulated.Options{}); device == "gpu-emulated" && errors.Is(err, kernels.ErrUnsupported) {
				t.Skip(err)
			}
			of := tiny(earlybird)
			of.Run.Device, of.Run.Train.Steps, of.Run.Train.MetricsEvery = device, 6, 1
			cells, err := earlybirdCells(of)
			if err != nil {
				t.Fatal(err)
			}
			losses := func(each func(*Site, *run.Run, train.Progress) error) lossCurve {
				s := &Site{Dir: t.TempDir(), Run: cells[0].Run, report: func(string, int, int, string) {}}
				var after func(*run.Run, train.Progress) error
				if each != nil {
					after = func(r *run.Run, p train.Progress) error { return each(s, r, p) }
				}
				r, err := s.Trained(t.Context(), after)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				curve, err := readLoss(r)
				if err != nil {
					t.Fatal(err)
				}
				return curve
			}
			want := losses(nil)
			got := losses(func(s *Site, r *run.Run, p train.Progress) error {
				if p.Step%2 == 1 {
					return nil
				}
				_, err := s.Scores(t.Context(), r, snapshotDir(s.Dir, p.Step), drawn{2, 0}.of(r.Net))
				return err
			})
			if len(want.Loss) != 6 || !slices.Equal(got.Loss, want.Loss) {
				t.Errorf("losses %v, want %v", got.Loss, want.Loss)
			}
		})
	}
}
