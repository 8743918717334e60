package kernels

import "fmt"

// CheckSlot returns an error if a Read or Write of n elements is invalid: no such parameter, no such slot, or another
// length.
func CheckSlot(params []Param, id ParamID, slot Slot, n int) error {
	switch {
	case id < 0 || int(id) >= len(params):
		return fmt.Errorf("no parameter %d", id)
	case slot < Data || slot > Moment2:
		return fmt.Errorf("parameter %d (%s): no slot %d", id, params[id].Name, slot)
	case n != params[id].Len():
		return fmt.Errorf("parameter %d (%s): %d elements, must be %d", id, params[id].Name, n, params[id].Len())
	}
	return nil
}
