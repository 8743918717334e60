// Command bnas searches for network architectures by training nothing but BatchNorm.
package main

import "os"

func main() { os.Exit(execute(os.Args, os.Stdout, os.Stderr)) }
