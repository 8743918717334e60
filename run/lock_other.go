//go:build !unix

package run

// lockFolder does nothing: this system has no advisory lock that ends with the process.
func lockFolder(string) (unlock func(), err error) { return func() {}, nil }
