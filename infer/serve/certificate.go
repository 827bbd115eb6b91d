package serve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"tapenet/graph/regular"
)

// certificate is the server's, of two files that are read again when they change. A
// pair that cannot be used, as while only one of the files is written yet, leaves the
// former in place.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]fs.FileInfo // the files of the last attempt to read them
	failed error          // of the last attempt
	again  time.Time      // when to try a failed one again, though the files look the same
}

// newCertificate reads the files.
func newCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	if cert == "" || key == "" {
		return nil, errors.New("serve: want both Cert and Key, the files of a certificate and of its key, or none of them")
	}
	c := &certificate{cert: cert, key: key, log: log}
	c.refresh()
	if c.failed != nil {
		return nil, fmt.Errorf("serve: certificate: %w", c.failed)
	}
	return c, nil
}

// get is the certificate for a new connection.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.pair, nil
}

// refresh reads the files if they are not those that were read last.
func (c *certificate) refresh() {
	var now [2]fs.FileInfo
	for i, name := range []string{c.cert, c.key} {
		now[i], _ = os.Stat(name) // nil for one that is not there: reading it says why
	}
	same := sameFile(now[0], c.seen[0]) && sameFile(now[1], c.seen[1])
	if c.pair != nil && same && (c.failed == nil || time.Now().Before(c.again)) {
		return
	}
	pair, err := readPair(c.cert, c.key)
	reported := same && c.failed != nil
	c.seen, c.failed, c.again = now, err, time.Now().Add(time.Second)
	switch {
	case err == nil && c.pair != nil:
		c.log.Info("certificate loaded", slog.String("file", c.cert))
		fallthrough
	case err == nil:
		c.pair = &pair
	case c.pair != nil && !reported:
		c.log.Error("certificate", slog.String("file", c.cert), slog.String("error", err.Error()))
	}
}

// readPair reads the files of a certificate and of its key.
func readPair(cert, key string) (tls.Certificate, error) {
	const most = 1 << 20
	c, err := regular.Read(cert, most)
	if err != nil {
		return tls.Certificate{}, err
	}
	k, err := regular.Read(key, most)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(c, k)
}

// sameFile tells whether a file is still what it was.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// tls is the configuration of a server that has the certificate.
func (c *certificate) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}
