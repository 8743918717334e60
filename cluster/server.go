package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"bnas.example/internal/loopback"
)

// Server is a NATS server inside this process.
type Server struct {
	nats   *server.Server
	remove func() // removes its temporary folder
}

// start is how long the embedded server may take to start.
const start = 20 * time.Second

// Serve starts a server. Without an address it listens nowhere: only this process and its own workers reach it. With an address
// it takes workers that have the token; every byte is encrypted by TLS under a key that comes from the token.
func Serve(address, token string) (*Server, error) {
	dir, remove, err := newKeep(serverKeep)
	if err != nil {
		return nil, fmt.Errorf("temporary files (TMPDIR): %w", err)
	}
	s := &Server{remove: remove}
	o := &server.Options{
		ServerName: "bnas", DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true, NoSystemAccount: true,
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 20, DisableJetStreamBanner: true, MaxPayload: 1 << 20,
		PingInterval: pingEvery, MaxPingsOut: mostPings,
	}
	if address != "" {
		if err := s.listen(o, address, token); err != nil {
			s.Close()
			return nil, err
		}
	}
	if s.nats, err = server.NewServer(o); err != nil {
		s.Close()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	words := make(lastWords, 1)
	s.nats.SetLoggerV2(words, false, false, false)
	ready := make(chan bool, 1)
	go s.nats.Start()
	go func() { ready <- s.nats.ReadyForConnections(start) }()
	select {
	case why := <-words:
		err = errors.New(why)
	case ok := <-ready:
		if !ok {
			err = fmt.Errorf("not within %v", start)
		}
	}
	remove() // its streams are in memory
	if err != nil {
		s.Close()
		return nil, startError(address, err)
	}
	return s, nil
}

// startError is the error of a server that did not start.
func startError(address string, err error) error {
	if address == "" {
		return fmt.Errorf("the server of the workers did not start: %w", err)
	}
	return fmt.Errorf("the server of the workers did not start: %w; --listen takes a free port at an address of this machine, or :PORT for every address", err)
}

// lastWords is the log of a server. It has the line that says why the server ends.
type lastWords chan string

func (w lastWords) Fatalf(format string, v ...any) {
	select {
	case w <- fmt.Sprintf(format, v...):
	default:
	}
}
func (lastWords) Noticef(string, ...any) {}
func (lastWords) Warnf(string, ...any)   {}
func (lastWords) Errorf(string, ...any)  {}
func (lastWords) Debugf(string, ...any)  {}
func (lastWords) Tracef(string, ...any)  {}

// listen makes the options those of a server that listens.
func (s *Server) listen(o *server.Options, address, token string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--listen %s: HOST:PORT is needed, or :PORT for every address of this machine", address)
	}
	if o.Port, err = strconv.Atoi(port); err != nil || o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("--listen %s: the port must be 0…65535", address)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if err := CheckToken(token); err != nil {
		return err
	}
	own, err := serverTLS(token)
	if err != nil {
		return err
	}
	o.DontListen, o.Host, o.Authorization, o.TLSConfig, o.TLSTimeout = false, host, token, own, 10
	return nil
}

// Address is where the server listens; "": nowhere.
func (s *Server) Address() string {
	if a, ok := s.nats.Addr().(*net.TCPAddr); ok && a != nil {
		return a.String()
	}
	return ""
}

// InProcessConn connects to the server without a socket.
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.InProcessConn() }

// Close ends the server.
func (s *Server) Close() {
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	s.remove()
}

// Link is a connection to a server.
type Link struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	shared bool // the server is not of this command: it goes on after it, and may have others
}

// Both ends of a connection notice after mostPings pings without an answer that it is cut off. The worker then connects anew.
const (
	pingEvery = 4 * time.Second
	mostPings = 2
)

// patience is how long an external server may take to answer the connection.
const patience = 10 * time.Second

// link connects with options; what names the other end in errors.
func link(where, what string, options ...nats.Option) (*Link, error) {
	options = append([]nats.Option{
		nats.Name("bnas"), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.Timeout(patience),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(mostPings),
	}, options...)
	conn, err := nats.Connect(where, options...)
	switch {
	case errors.Is(err, errOtherToken), errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("%s has another token than this process", what)
	case err != nil:
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
func (s *Server) Link(token string) (*Link, error) {
	return link("", "the server of this process", nats.InProcessServer(s), nats.Token(token))
}

// Connect connects to a server, or a cluster of servers, that is there already: its URL, or several divided by commas. The URL has
// the user or the token of the server. Beyond this machine it must be tls://; the certificate is checked by those that the machine
// trusts.
func Connect(where string) (*Link, error) {
	if err := checkURL(where); err != nil {
		return nil, err
	}
	l, err := link(where, "the server of --nats")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), answer)
	defer cancel()
	if _, err := l.js.AccountInfo(ctx); err != nil {
		l.Close()
		return nil, fmt.Errorf("the server of --nats has no JetStream: %w", err)
	}
	l.shared = true
	return l, nil
}

// Outage is how long a process goes on without an answer of the server. The servers of a cluster need seconds to agree on a new leader
// when one ends.
const Outage = 2 * time.Minute

// Await makes a connection. While nobody listens there, it tries again, for as long as patience.
func Await(ctx context.Context, log *slog.Logger, patience time.Duration, connect func() (*Link, error)) (*Link, error) {
	type outcome struct {
		link *Link
		err  error
	}
	for began := time.Now(); ; {
		done := make(chan outcome, 1)
		go func() {
			l, err := connect()
			done <- outcome{l, err}
		}()
		var o outcome
		select {
		case o = <-done:
		case <-ctx.Done():
			go func() {
				if late := <-done; late.link != nil {
					late.link.Close()
				}
			}()
			return nil, ctx.Err()
		}
		if o.err == nil || !nobody(o.err) || patience == 0 {
			return o.link, o.err
		}
		if time.Since(began) > patience {
			return nil, fmt.Errorf("%w, for %v", o.err, patience)
		}
		if log != nil {
			log.Info("waiting until somebody listens there", "because", o.err, "at most", patience)
			log = nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

// nobody reports whether an error of a connection means that nobody listens there.
func nobody(err error) bool {
	var call *net.OpError
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &call) && call.Op == "dial"
}

// checkURL returns an error if a URL leads beyond this machine without TLS.
func checkURL(list string) error {
	for one := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" || u.Port() != "" && !isPort(u.Port()) {
			return errors.New("the URL of --nats is nats://HOST:PORT or tls://HOST:PORT")
		}
		if !loopback.Is(u.Hostname()) && u.Scheme != "tls" {
			return fmt.Errorf("%s is not on this machine: its URL must be tls://%s", u.Host, u.Host)
		}
	}
	return nil
}

// isPort reports whether a text is the number of a port at which something can listen.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// checkPlace returns an error if no coordinator can listen at a place. nats:// may be left out.
func checkPlace(where string) error {
	if !strings.Contains(where, "://") {
		where = "nats://" + where
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "nats" || u.Hostname() == "" || !isPort(u.Port()) {
		return fmt.Errorf("%q is not where a coordinator can listen; give --join nats://HOST:PORT, with a port from 1 to 65535", where)
	}
	return nil
}

// Join connects to the coordinator that listens at nats://HOST:PORT.
func Join(where, token string) (*Link, error) {
	if err := cmp.Or(CheckToken(token), checkPlace(where)); err != nil {
		return nil, err
	}
	return link(where, "the coordinator at "+where, nats.Token(token), nats.Secure(workerTLS(token)))
}

// JoinOver connects to the coordinator over a connection that exists, such as the pipes of a worker that it has started.
func JoinOver(conn net.Conn, token string) (*Link, error) {
	return link("", "the coordinator", nats.SetCustomDialer(given{conn}), nats.Token(token), nats.NoReconnect())
}

// given is a dialer that has one connection.
type given struct{ conn net.Conn }

func (g given) Dial(string, string) (net.Conn, error) { return g.conn, nil }

// SkipTLSHandshake is true: the connection does not leave the machine.
func (g given) SkipTLSHandshake() bool { return true }

// Close ends the connection.
func (l *Link) Close() { l.conn.Close() }
