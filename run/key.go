package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/kernels"
	"bnas.example/search"
)

// key identifies the setup that produces the scores: supernet, parameters, scoring, images, device and its arithmetic, and what the terms
// are. A ledger can be continued only with an equal key.
func (r *Run) key(c indicator.Config) (search.Key, error) {
	net, err := yaml.Marshal(r.Net.Config)
	if err != nil {
		return nil, err
	}
	score, err := yaml.Marshal(c)
	if err != nil {
		return nil, err
	}
	parameters, err := r.parametersHash()
	if err != nil {
		return nil, err
	}
	return search.Key{
		"supernet": strings.TrimSpace(string(net)), "parameters": parameters, "scoring": strings.TrimSpace(string(score)),
		"data": r.Images.Hash(), "holdout": fmt.Sprintf("%d of seed %d", r.Config.Data.Holdout, r.Config.splitSeed()), "device": r.Device.Info().Name,
		"arithmetic": r.Device.Info().Arithmetic, "definitions": strconv.Itoa(indicator.Definitions),
	}, nil
}

// made says what computes the scores of this run. Its workers are of the same version, and have threads of their own.
func (r *Run) made() (m search.Made) {
	if r.version != nil {
		m.Version = r.version()
	}
	if r.Workers == nil {
		m.Threads = r.Device.Info().Threads
	}
	return m
}

// parametersHash returns a hash of the values of all parameters. It differs between two stages of training.
func (r *Run) parametersHash() (string, error) {
	values, err := kernels.ReadEach(r.Store, kernels.Data, kernels.AllIDs(r.Net.Params())...)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, v := range values {
		if err := binary.Write(h, binary.LittleEndian, v); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
