// Package loopback knows the names of this machine that no other one can have.
package loopback

import "net"

// Is reports whether a host, a name or an address without a port, is this machine.
func Is(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
