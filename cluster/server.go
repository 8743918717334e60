package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Server is a NATS server inside this process.
type Server struct {
	nats *server.Server
	dir  string
}

// start is how long the embedded server may take to start.
const start = 20 * time.Second

// Serve starts a server. It listens nowhere: only this process and its own workers reach it.
func Serve() (*Server, error) {
	dir, err := os.MkdirTemp("", "bnas-queue-*")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	o := &server.Options{
		ServerName: "bnas", DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true, NoSystemAccount: true,
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 20, DisableJetStreamBanner: true, MaxPayload: 1 << 20,
	}
	if s.nats, err = server.NewServer(o); err != nil {
		s.Close()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	go s.nats.Start()
	ready := s.nats.ReadyForConnections(start)
	os.RemoveAll(dir) // its streams are in memory
	if !ready {
		s.Close()
		return nil, errors.New("cluster: the server of the workers did not start")
	}
	return s, nil
}

// InProcessConn connects to the server without a socket.
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.InProcessConn() }

// Close ends the server.
func (s *Server) Close() {
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	os.RemoveAll(s.dir)
}

// Link is a connection to a server.
type Link struct {
	conn *nats.Conn
	js   jetstream.JetStream
}

// patience is how long the other end may take to answer the connection.
const patience = 10 * time.Second

// link connects with options; what names the other end in errors.
func link(what string, options ...nats.Option) (*Link, error) {
	options = append(options, nats.Name("bnas"), nats.Timeout(patience))
	conn, err := nats.Connect("", options...)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be reached: %w", what, err)
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(answer))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return &Link{conn: conn, js: js}, nil
}

// Link connects this process with its own server.
func (s *Server) Link() (*Link, error) {
	return link("the server of this process", nats.InProcessServer(s))
}

// JoinOver connects to the coordinator over a connection that exists, such as the pipes of a worker that it has started.
func JoinOver(conn net.Conn) (*Link, error) {
	return link("the coordinator", nats.SetCustomDialer(given{conn}), nats.NoReconnect())
}

// given is a dialer that has one connection.
type given struct{ conn net.Conn }

func (g given) Dial(string, string) (net.Conn, error) { return g.conn, nil }

// SkipTLSHandshake is true: the connection does not leave the machine.
func (g given) SkipTLSHandshake() bool { return true }

// Close ends the connection.
func (l *Link) Close() { l.conn.Close() }
