package train

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Exchange joins the processes that train one supernet together, its ranks. All ranks have the same network, settings and images.
// They compute different parts of a step, and all of them make the same update from all parts. Rank 0 alone writes the run
// folder.
type Exchange interface {
	// Rank is this process, from 0; Ranks is the number of all.
	Rank() int
	Ranks() int
	// Name names a rank in messages.
	Name(rank int) string
	// Gather completes all, which holds the bytes of the ranks one after the other: lengths[i] of rank i. This rank has filled in
	// its own. Every rank makes the same calls, with the same lengths. A rank that does not come is an error.
	Gather(all []byte, lengths []int) error
}

// alone is the Exchange of a single process.
type alone struct{}

func (alone) Rank() int                  { return 0 }
func (alone) Ranks() int                 { return 1 }
func (alone) Name(int) string            { return "this process" }
func (alone) Gather([]byte, []int) error { return nil }

// ErrTold is returned by Agree on the ranks above 0: rank 0 has the error, and reports it.
var ErrTold = errors.New("train: another rank could not start; rank 0 reports its error")

// ready is what the ranks tell each other before they begin.
type ready struct{ Program, Error string }

// Agree brings the ranks together before they begin. program is the version of this program, err the reason why this rank cannot
// begin, or nil. If all ranks can begin and have the same version, the result is nil on all of them. Else it is an error on all: on
// rank 0 its own, or that of the first rank which has one, on the others ErrTold.
func Agree(x Exchange, program string, err error) error {
	own := ready{Program: program}
	if err != nil {
		own.Error = err.Error()
	}
	all, failed := gatherJSON(x, own)
	if failed != nil {
		return failed
	}
	var reason error
	for rank, r := range all {
		switch {
		case r.Error != "":
			reason = fmt.Errorf("%s: %s", x.Name(rank), r.Error)
		case r.Program != all[0].Program:
			reason = fmt.Errorf("%s has bnas %s, %s has %s: install the same on all machines", x.Name(rank), r.Program, x.Name(0), all[0].Program)
		}
		if reason != nil {
			break
		}
	}
	switch {
	case reason == nil:
		return nil
	case x.Rank() > 0:
		return ErrTold
	case err != nil:
		return err
	}
	return reason
}

// gatherJSON returns the values of all ranks, given that of this one.
func gatherJSON[T any](x Exchange, own T) ([]T, error) {
	text, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	const word = 8
	sizes, words := make([]byte, word*x.Ranks()), make([]int, x.Ranks())
	for i := range words {
		words[i] = word
	}
	binary.LittleEndian.PutUint64(sizes[word*x.Rank():], uint64(len(text)))
	if err := x.Gather(sizes, words); err != nil {
		return nil, err
	}
	lengths := make([]int, x.Ranks())
	for i := range lengths {
		lengths[i] = int(binary.LittleEndian.Uint64(sizes[word*i:]))
	}
	all, err := gatherParts(x, text, lengths)
	if err != nil {
		return nil, err
	}
	values := make([]T, x.Ranks())
	for i, n := range lengths {
		if err := json.Unmarshal(all[:n], &values[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", x.Name(i), err)
		}
		all = all[n:]
	}
	return values, nil
}

// gatherParts returns the bytes of all ranks, one after the other, given those of this one and the lengths of all.
func gatherParts(x Exchange, own []byte, lengths []int) ([]byte, error) {
	total, begin := 0, 0
	for i, n := range lengths {
		if i == x.Rank() {
			begin = total
		}
		total += n
	}
	all := make([]byte, total)
	copy(all[begin:], own)
	return all, x.Gather(all, lengths)
}
