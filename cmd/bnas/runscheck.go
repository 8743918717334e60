package main

import (
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/inventory"
)

// checkRuns fails if the processes in a folder of runs have changed nothing for too long. That some folder changes is enough: a
// process can hold several, as the search over several runs does, and write into one.
func checkRuns(c *cli.Context) error {
	dir, err := runsFolder(c)
	if err != nil {
		return err
	}
	if err := beforeWork(); err != nil {
		return err
	}
	working, err := inventory.Working(dir)
	if err != nil {
		return err
	}
	allowed := time.Duration(c.Int("stalled")) * time.Minute
	if last, ok := inventory.Newest(working); ok && time.Since(last) > allowed {
		return fmt.Errorf("%s: a process works there, and nothing has changed for %s; --stalled allows %s. End the process, look at its log, and go on with --resume",
			quote(working[0].Dir), inventory.Age(time.Since(last)), inventory.Age(allowed))
	}
	result := struct {
		InUse []inventory.Work `json:"in_use"`
	}{working}
	return output(c, result, func(w io.Writer) {
		if len(working) == 0 {
			fmt.Fprintf(w, "no process works in %s\n", dir)
		}
		for _, one := range working {
			fmt.Fprintf(w, "%s\tchanged %s ago\n", one.Dir, inventory.Age(time.Since(one.Changed)))
		}
	})
}
