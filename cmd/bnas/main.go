// Command bnas searches for network architectures by training nothing but BatchNorm.
package main

import (
	"os"

	"bnas.example/internal/schedule"
)

func main() {
	schedule.Batch()
	os.Exit(execute(os.Args, os.Stdout, os.Stderr))
}
