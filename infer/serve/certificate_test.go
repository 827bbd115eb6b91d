package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates that its pool trusts.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool(), next: 1}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.key = key
	a.cert = a.sign(t, key, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.pool.AddCert(a.cert)
	return a
}

// sign makes a certificate for a key; the first is the authority's own.
func (a *authority) sign(t *testing.T, key *ecdsa.PrivateKey, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	a.next++
	c.SerialNumber, c.Subject = big.NewInt(a.next), pkix.Name{CommonName: "tapenet's tests"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// write leaves the two files of a new certificate for 127.0.0.1 in a folder, and
// returns its number.
func (a *authority) write(t *testing.T, dir string) (serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := a.sign(t, key, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: cert.Raw}, "tls.key": {Type: "PRIVATE KEY", Bytes: der}} {
		replace(t, filepath.Join(dir, name), pem.EncodeToMemory(block))
	}
	return cert.SerialNumber.Int64()
}

// replace writes a file as those do who replace it.
func replace(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// secured starts a server with a certificate of the authority's in a folder.
func secured(t *testing.T, a *authority, dir string, change func(*Config)) (addr string, end func() error) {
	t.Helper()
	a.write(t, dir)
	s := start(t, func(c *Config) {
		c.Cert, c.Key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
		change(c)
	})
	return listening(t, s)
}

// client speaks TLS with a server of the authority's, by HTTP/2 if it is to.
func (a *authority) client(http2 bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(!http2)
	p.SetHTTP2(http2)
	return &http.Client{Transport: &http.Transport{Protocols: p, TLSClientConfig: &tls.Config{RootCAs: a.pool}}}
}

// TestTLS: requests over TLS, by HTTP/1.1 and HTTP/2; nothing older than TLS 1.2, and
// nothing without TLS.
func TestTLS(t *testing.T) {
	a := newAuthority(t)
	addr, end := secured(t, a, t.TempDir(), func(*Config) {})
	body := bodyV2(pictures(3)...)
	for major, http2 := range map[int]bool{1: false, 2: true} {
		c := a.client(http2)
		r, err := c.Post("https://"+addr+"/v2/models/cnn/infer", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK || r.ProtoMajor != major || r.TLS.Version != tls.VersionTLS13 {
			t.Errorf("status %d, %s, TLS %x; want 200, HTTP/%d, TLS 1.3", r.StatusCode, r.Proto, r.TLS.Version, major)
		}
		c.CloseIdleConnections()
	}
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: a.pool, MinVersion: tls.VersionTLS10, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("TLS %x: %v, want a connection: %t", version, err, want)
		}
		if err == nil {
			c.Close()
		}
	}
	if r, err := http.Get("http://" + addr + "/v2/health/live"); err == nil {
		if r.Body.Close(); r.StatusCode != http.StatusBadRequest {
			t.Errorf("without TLS: status %d, want 400", r.StatusCode)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestCertificateReload: new connections get the certificate that lies there now, none
// of the requests meanwhile is lost, and files that are of no use change nothing.
func TestCertificateReload(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	addr, end := secured(t, a, dir, func(*Config) {})
	body := bodyV2(pictures(1)...)
	var answered atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		clients.Go(func() {
			c := a.client(i%2 == 0)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				r, err := c.Post("https://"+addr+"/v2/models/cnn/infer", "application/json", strings.NewReader(body))
				if err != nil {
					t.Errorf("request %d: %v", n, err)
					return
				}
				if r.Body.Close(); r.StatusCode != http.StatusOK {
					t.Errorf("request %d: status %d", n, r.StatusCode)
				}
				answered.Add(1)
				if n%3 == 0 {
					c.CloseIdleConnections() // so that handshakes happen all the time
				}
			}
		})
	}
	serial := func() int64 {
		t.Helper()
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: a.pool})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	for range 5 {
		before := answered.Load()
		want := a.write(t, dir)
		if got := serial(); got != want {
			t.Errorf("certificate %d, want %d, which was just written", got, want)
		}
		replace(t, filepath.Join(dir, "tls.key"), []byte("half a"))
		if got := serial(); got != want {
			t.Errorf("certificate %d with a broken key file, want still %d", got, want)
		}
		if err := os.Remove(filepath.Join(dir, "tls.crt")); err != nil {
			t.Fatal(err)
		}
		if got := serial(); got != want {
			t.Errorf("certificate %d without a file, want still %d", got, want)
		}
		for answered.Load() < before+20 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	clients.Wait()
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestHTTP2Bounds: a connection has no more requests at a time than it may, the others
// wait, and no larger header.
func TestHTTP2Bounds(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	a.write(t, dir)
	s, g := gated(t, func(c *Config) {
		c.Streams, c.Batch = 3, 1
		c.Cert, c.Key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	})
	addr, end := listening(t, s)
	c := a.client(true)
	c.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true}
	first, err := c.Get("https://" + addr + "/v2/health/live") // the server's bounds come with the connection
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, first.Body) // closed before its end it might hold one of the three places
	first.Body.Close()
	var clients sync.WaitGroup
	post := func() {
		clients.Go(func() {
			r, err := c.Post("https://"+addr+"/v2/models/cnn/infer", "application/json", strings.NewReader(bodyV2(pictures(1)...)))
			if err != nil {
				t.Error(err)
				return
			}
			if r.Body.Close(); r.StatusCode != http.StatusOK {
				t.Errorf("status %d, want 200", r.StatusCode)
			}
		})
	}
	post() // one after the other: of several at a time, Go's client may hold some back below the bound
	<-g.begun
	for n := range int64(2) {
		post()
		queued(t, s, n+1)
	}
	for range 3 {
		post()
	}
	time.Sleep(50 * time.Millisecond)
	queued(t, s, 2) // it would wait for ever if there were more
	for range 5 {
		g.open <- nil
		<-g.begun
	}
	g.open <- nil
	clients.Wait()
	r, err := http.NewRequest("GET", "https://"+addr+"/v2", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("A", strings.Repeat("a", 100<<10))
	if answer, err := c.Do(r); err == nil {
		if answer.Body.Close(); answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header of 100 KB: status %d, want 431 or the end of the connection", answer.StatusCode)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestCertificateErrors: a server does not start without what it needs.
func TestCertificateErrors(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	a.write(t, dir)
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	model := folder(t)
	for _, tt := range []struct{ cert, key, want string }{
		{cert, "", "want both Cert and Key"}, {"", key, "want both Cert and Key"},
		{cert, dir + "/none", "serve: certificate: open "}, {key, cert, "serve: certificate: tls: "},
	} {
		if _, err := New(Config{Models: model, Cert: tt.cert, Key: tt.key}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %q: error %v, want one with %q", tt.cert, tt.key, err, tt.want)
		}
	}
}
