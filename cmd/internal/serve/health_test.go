package serve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapenet/cmd/internal/cli"
)

// pair writes the PEM files of a certificate for a host that the test does not have.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "models.example.org"}, DNSNames: []string{"models.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("tls.crt", "CERTIFICATE", der), write("tls.key", "PRIVATE KEY", private)
}

// wantHealth runs -health, and wants success, or an error with a text.
func wantHealth(t *testing.T, want string, args ...string) {
	t.Helper()
	var stdout bytes.Buffer
	err := run(t.Context(), append([]string{"-health"}, args...), &stdout, io.Discard)
	switch {
	case want == "" && (err != nil || !strings.Contains(stdout.String(), " is ready, ")):
		t.Errorf("%q: %v, printed %q", args, err, stdout.String())
	case want != "" && (err == nil || !strings.Contains(err.Error(), want) || stdout.Len() > 0):
		t.Errorf("%q: error %v, printed %q; want one with %q", args, err, stdout.String(), want)
	}
}

// TestHealth: the command asks a server of its own kind.
func TestHealth(t *testing.T) {
	token := tokenFile(t)
	url, end := served(t, io.Discard, "-models", runs(t), "-addr", "127.0.0.1:0", "-token", token)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // nobody asks it
	wantHealth(t, "", url)
	wantHealth(t, "", url+"/")
	wantHealth(t, "", url+"/v2/health/live")
	wantHealth(t, "", url+"/v2/models/lenet5/ready", "-token", token)
	wantHealth(t, "answers with status 401", url+"/v2/models/lenet5/ready")
	wantHealth(t, "answers with status 404", url+"/v2/models/other/ready", "-token", token)
	if err := end(); err != nil {
		t.Error(err)
	}
	wantHealth(t, "connection refused", url)
}

// TestHealthTLS: the file's certificate is wanted from the server, whatever host it names.
func TestHealthTLS(t *testing.T) {
	cert, key := pair(t)
	other, _ := pair(t)
	url, end := served(t, io.Discard, "-models", runs(t), "-addr", "127.0.0.1:0", "-cert", cert, "-key", key)
	if !strings.HasPrefix(url, "https://") {
		t.Fatalf("address %s", url)
	}
	wantHealth(t, "", url, "-cert", cert)
	wantHealth(t, "another certificate than that of "+other, url, "-cert", other)
	wantHealth(t, "failed to verify certificate", url)
	wantHealth(t, "serve: certificate: open", url, "-cert", cert+".none")
	wantHealth(t, "has no certificate", url, "-cert", key)
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestUnhealthy: everything but status 200 in time is an error.
func TestUnhealthy(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/slow":
			<-r.Context().Done()
		case "/v2/health/ready":
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	wantHealth(t, `answers with status 503 and "shutting down", want 200`, s.URL)
	wantHealth(t, "answers with status 302", s.URL+"/moved")
	wantHealth(t, "context deadline exceeded", s.URL+"/slow", "-timeout", "50ms")
	for _, args := range [][]string{{"x"}, {"127.0.0.1:8080"}, {"ftp://x"}, {"http://"}, {s.URL, "-model", "x"}, {s.URL, "-models", "x"}, {s.URL, "-cert", "x", "-key", "y"}} {
		err := run(t.Context(), append([]string{"-health"}, args...), io.Discard, io.Discard)
		if !errors.As(err, new(cli.UsageError)) {
			t.Errorf("%q: %v, want an error of usage", args, err)
		}
	}
}
