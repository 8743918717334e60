package ntk

import (
	"errors"
	"strings"
	"testing"

	"bnas.example/kernels"
)

// full is the reference as a device without memory for a pass.
type full struct{ kernels.Device }

type fullExec struct{ kernels.Exec }

var errFull = errors.New("no memory")

func (d full) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	e, err := d.Device.Compile(p, s, n)
	return fullExec{e}, err
}

func (fullExec) Forward([]float32, int) error { return errFull }

// What follows a pass that fails would fail too: the error is that of the pass alone.
func TestErrorOfAPassAlone(t *testing.T) {
	p, e := few(t, 3)
	d := Descent{Exec: fullExec{e}, Store: p.now, Images: p.images, Target: make([]float64, 9)}
	_, outputs := d.Outputs()
	_, compared := Compare(full{p.dev}, p.program, p.start, p.now, p.images)
	for what, err := range map[string]error{"Outputs": outputs, "Compare": compared} {
		if !errors.Is(err, errFull) || !strings.HasSuffix(err.Error(), errFull.Error()) || strings.Count(err.Error(), p.program.Name) != 1 {
			t.Errorf("%s: %v", what, err)
		}
	}
}
