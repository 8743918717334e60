package cluster

import (
	"os/exec"

	"bnas.example/run"
)

// Crew are the workers of a command.
type Crew struct {
	Local   int              // processes on this machine
	Command func() *exec.Cmd // starts one of them; its standard input and output are the connection (JoinOver)
	Options

	server      *Server
	link        *Link
	coordinator *Coordinator
	local       *local
}

// Start starts the server.
func (k *Crew) Start() (err error) {
	if k.server, err = Serve(); err != nil {
		return err
	}
	if k.link, err = k.server.Link(); err != nil {
		k.Close()
	}
	return err
}

// Open gives a run to the crew. A crew has one run.
func (k *Crew) Open(share run.Share) (run.Workers, error) {
	c, err := Open(k.link, share, k.Options)
	if err != nil {
		return nil, err
	}
	k.coordinator = c
	if k.Local > 0 {
		k.local = startLocal(k.server, c, k.Local, k.Command)
	}
	return c, nil
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
