package indicator

import "fmt"

func (e *evidence) takeStandardCodes() error {
	n := e.cfg.Images
	k := make([]int64, n*n)
	if _, err := e.standard.exec.CodeGram(k); err != nil {
		return fmt.Errorf("codes of the untrained standard network: %w", err)
	}
	e.standardGram = make([]float64, n*n)
	for i, v := range k {
		e.standardGram[i] = float64(v)
	}
	return nil
}

// nwot is naswot of the untrained standard network, as its authors measure it. Rectifiers on dead ends do not count.
func nwot(e *evidence) float64 { return logDet(e.standardGram, e.cfg.Images) }
