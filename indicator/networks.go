package indicator

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// networks keeps terms of the last networks that a scorer and its lanes have measured.
type networks struct {
	mu   sync.Mutex          // of the map and the list
	all  map[string]*network // by the text of the measured architecture
	kept []string            // the texts, the oldest at next once there are mostNetworks
	next int
}

// network has terms of one network.
type network struct {
	mu     sync.Mutex // held while it is measured
	values []float64  // nil: not yet measured
}

// mostNetworks is the number of networks whose terms are kept, about 15 MB. The oldest make room.
const mostNetworks = 1 << 15

func newNetworks() *networks { return &networks{all: map[string]*network{}} }

// of returns the network of a measured architecture.
func (n *networks) of(text string) *network {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known := n.all[text]; known != nil {
		return known
	}
	if len(n.kept) < mostNetworks {
		n.kept = append(n.kept, text)
	} else {
		delete(n.all, n.kept[n.next])
		n.kept[n.next] = text
		n.next = (n.next + 1) % mostNetworks
	}
	n.all[text] = &network{}
	return n.all[text]
}

// terms returns the terms, which measure computes if they are not known. Another call for the same network waits.
func (n *network) terms(measure func() ([]float64, error)) ([]float64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.values == nil {
		values, err := measure()
		if err != nil {
			return nil, err
		}
		n.values = values
	}
	return n.values, nil
}

// Start keeps what scorers have measured of untrained standard networks, for later scorers of the same: no training changes them, and
// supernets with BatchNorms at other places have the same one.
type Start struct {
	mu  sync.Mutex
	all map[string]*networks
}

// NewStart returns a Start of which nothing is known.
func NewStart() *Start { return &Start{all: map[string]*networks{}} }

// of returns what is known of the standard network of a supernet, with the images, the settings and the device of a scorer.
func (s *Start) of(net supernet.Config, in Inputs, c Config, dev kernels.Info) *networks {
	if s == nil {
		return newNetworks()
	}
	images := sha256.New()
	binary.Write(images, binary.LittleEndian, in.Images) // a hash returns no error
	key := fmt.Sprintf("%+v %+v %s %s %v %x", untrainedStandard(net), c, dev.Name, dev.Arithmetic, in.Labels, images.Sum(nil))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[key] == nil {
		s.all[key] = newNetworks()
	}
	return s.all[key]
}
