package cluster

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// shortestToken is the length of a token in characters. The key of TLS comes from the token, and a server shows its public half to
// everybody: a token that can be guessed can be found from it.
const shortestToken = 20

// longestToken is what the server reads: a line of 4096 bytes has the token.
const longestToken = 1024

// NewToken draws a token of 160 bits.
func NewToken() string {
	b := make([]byte, 20)
	rand.Read(b)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

// CheckToken returns an error if a token is too short to be a secret, or too long for the server.
func CheckToken(token string) error {
	if len(token) < shortestToken {
		return fmt.Errorf("the token has %d characters, and needs at least %d; bnas prints one where none is given", len(token), shortestToken)
	}
	if len(token) > longestToken {
		return fmt.Errorf("the token has %d characters, and may have at most %d", len(token), longestToken)
	}
	return nil
}

// keyOf returns the key of the server, which both ends compute from the token: HKDF-SHA256, then Ed25519. Who has not the token
// cannot pose as the server, and a worker sends its token to no one else.
func keyOf(token string) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, []byte(token), nil, "bnas coordinator", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// serverTLS is the coordinator's end: a certificate that signs itself, with the key of the token.
func serverTLS(token string) (*tls.Config, error) {
	key, err := keyOf(token)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bnas"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cluster: certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}

// errOtherToken means that the server does not have the key of the token.
var errOtherToken = errors.New("it has another token than this process")

// workerTLS is the worker's end. It takes the server with the key of the token, and no other; names and authorities do not matter.
func workerTLS(token string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // the key decides, below
		VerifyConnection: func(state tls.ConnectionState) error {
			key, err := keyOf(token)
			if err != nil {
				return err
			}
			if shown, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey); !ok || !shown.Equal(key.Public()) {
				return errOtherToken
			}
			return nil
		},
	}
}
