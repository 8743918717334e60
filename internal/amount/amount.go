// Package amount writes numbers of things.
package amount

import "fmt"

// Of writes a whole number of things: 1 epoch, 2 epochs.
func Of(n any, what string) string {
	text := fmt.Sprint(n)
	if text == "1" {
		return text + " " + what
	}
	return text + " " + what + "s"
}
