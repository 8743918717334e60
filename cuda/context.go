package cuda

import (
	"bnas.example/cuda/driver"
)

// context is a GPU in use: what a Device, its Stores and its Execs share.
type context struct {
	*clock
	options    Options
	properties driver.Properties
	staging    staging
	parameters int64  // bytes that the Stores have allocated
	saved      memory // what a Forward keeps
	gradients  memory // gradients at nodes
	probe      memory // what observations need
	pool       pool
	landings   landings
	tables     tables
	inputs     inputs
}

// tables is what the building of tables needs: room on the host, and the size of the largest table so far.
type tables struct {
	host    []byte
	largest int64
}

// queue launches ops in order.
func (c *context) queue(ops ...Work) error {
	for i := range ops {
		if c.options.Trace != nil {
			c.options.Trace(&ops[i])
		}
		if err := ops[i].launch(c.driver); err != nil {
			return err
		}
	}
	return nil
}

// upload copies b to the GPU. It does not wait, and b may be reused at once.
func (c *context) upload(dst driver.Ptr, b []byte) error { return c.staging.upload(dst, b) }
