package cluster

import (
	"cmp"
	"os/exec"

	"bnas.example/run"
)

// Crew are the workers of a command: how many it starts itself, and where others join.
type Crew struct {
	Local int // processes on this machine
	// Command starts the one at a place, from 0. Its standard input and output are the connection (JoinOver), or with NATS the Tether.
	Command func(place int) *exec.Cmd
	Listen  string // HOST:PORT where others join; "": nowhere
	Token   string // of those who join
	NATS    string // the URL of a server that is there already; "": this process has one
	Options

	server      *Server
	link        *Link
	coordinator *Coordinator
	local       *local
}

// Start starts the server, or connects to the one that is there. A server that listens has a token: without one, Start draws it.
func (k *Crew) Start() (err error) {
	defer func() {
		if err != nil {
			k.Close()
		}
	}()
	if k.NATS != "" {
		k.link, err = Connect(k.NATS)
		return err
	}
	if k.Listen != "" {
		k.Token = cmp.Or(k.Token, NewToken())
	}
	if k.server, err = Serve(k.Listen, k.Token); err != nil {
		return err
	}
	k.link, err = k.server.Link(k.Token)
	return err
}

// Address is where others join; "": nowhere.
func (k *Crew) Address() string {
	if k.server == nil {
		return ""
	}
	return k.server.Address()
}

// Open gives a run to the crew. A crew has one run.
func (k *Crew) Open(share run.Share) (run.Workers, error) {
	o := k.Options
	if k.Listen == "" && k.NATS == "" {
		o.Lease = cmp.Or(o.Lease, localLease)
	}
	c, err := Open(k.link, share, o)
	if err != nil {
		return nil, err
	}
	k.coordinator, c.own = c, k.Local > 0
	if k.Local > 0 {
		k.local = startLocal(k.server, c, k.Local, k.Command)
	}
	return c, nil
}

// Members lists the workers that are there, and the number of architectures that have failed. A nil crew has none.
func (k *Crew) Members() (all []run.Worker, failed int) {
	if k == nil || k.coordinator == nil {
		return nil, 0
	}
	return k.coordinator.members()
}

// Close ends the workers that this process has started, and the server.
func (k *Crew) Close() {
	if k.coordinator != nil {
		k.coordinator.Close()
	}
	if k.local != nil {
		k.local.close()
	}
	if k.link != nil {
		k.link.Close()
	}
	if k.server != nil {
		k.server.Close()
	}
}
