package cuda

import (
	"math"

	"bnas.example/cuda/driver"
)

// clock counts the marks that the host sets in the compute stream, and knows up to which one the stream is known to have come: one
// wait of the host serves all marks before it.
type clock struct {
	driver driver.Driver
	set    uint64 // marks set
	passed uint64 // marks known to be passed
}

// mark is a position in the compute stream.
type mark struct {
	event driver.Event
	at    uint64 // 0: it was never set
}

// never is the position of a mark that is to be set.
const never = math.MaxUint64

func (c *clock) newMark() (m mark, err error) {
	m.event, err = c.driver.NewEvent()
	return m, err
}

func (c *clock) free(m mark) error {
	if m.event == 0 {
		return nil
	}
	return c.driver.FreeEvent(m.event)
}

// here sets a mark behind what is queued.
func (c *clock) here(m *mark) error {
	if err := c.driver.Record(driver.Compute, m.event); err != nil {
		return err
	}
	c.set++
	m.at = c.set
	return nil
}

// past reports whether the stream is known to have passed a mark, without asking.
func (c *clock) past(m mark) bool { return m.at <= c.passed }

// wait makes the host wait until the stream has passed a mark, if it is not known to have.
func (c *clock) wait(m mark) error {
	if c.past(m) {
		return nil
	}
	if err := c.driver.Reached(m.event); err != nil {
		return err
	}
	c.passed = max(c.passed, m.at)
	return nil
}
