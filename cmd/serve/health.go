package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/infer/serve"
)

// health asks a running server whether it is ready, as the health check of a container
// does. The server may be asked for another path than /v2/health/ready, such as a
// model's. Over TLS it has to show the certificate of the file c.Cert, whatever host the
// certificate names; without that file one that this machine trusts.
func health(ctx context.Context, address string, c serve.Config, stdout io.Writer) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return cli.Usagef("serve: -health %q, want the server's address, as in http://127.0.0.1:8080", address)
	}
	if c.Model != "" || c.Models != "" || c.Key != "" {
		return cli.Usagef("serve: -health asks a server that runs: want only -token, -cert and -timeout with it")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v2/health/ready"
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy
	if c.Cert != "" {
		if transport.TLSClientConfig, err = pinned(c.Cert); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return ready(ctx, transport, u, c.Token, stdout)
}

// ready asks an address, and wants status 200 of it.
func ready(ctx context.Context, transport http.RoundTripper, u *url.URL, token string, stdout io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, "GET", u.String(), nil)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	begin := time.Now()
	answer, err := transport.RoundTrip(r) // not a client: it would follow redirections
	if err != nil {
		return fmt.Errorf("serve: %s: %w", u.Redacted(), err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1000))
	if err != nil {
		return fmt.Errorf("serve: %s: %w", u.Redacted(), err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("serve: %s answers with status %d and %.200q, want 200", u.Redacted(), answer.StatusCode, bytes.TrimSpace(body))
	}
	fmt.Fprintf(stdout, "%s is ready, asked for %v\n", u.Redacted(), time.Since(begin).Round(time.Millisecond))
	return nil
}

// pinned wants the first certificate of a file from the server, and nothing else: a
// check from inside the container asks at 127.0.0.1, which the certificate does not name.
func pinned(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("serve: certificate: %w", err)
	}
	block, rest := pem.Decode(text)
	for block != nil && block.Type != "CERTIFICATE" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, fmt.Errorf("serve: %s has no certificate, want a PEM file with one", file)
	}
	return &tls.Config{
		InsecureSkipVerify: true, // for VerifyConnection is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
				return errors.New("another certificate than that of " + file)
			}
			return nil
		},
	}, nil
}
