package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/regular"
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
	config := &tls.Config{}
	if c.Cert != "" {
		if config, err = pinned(c.Cert); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	begin := time.Now()
	status, body, err := ask(ctx, u, config, c.Token)
	if err != nil {
		return fmt.Errorf("serve: %s: %w", u.Redacted(), err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("serve: %s answers with status %d and %.200q, want 200", u.Redacted(), status, bytes.TrimSpace(body))
	}
	fmt.Fprintf(stdout, "%s is ready, asked for %v\n", u.Redacted(), time.Since(begin).Round(time.Millisecond))
	return nil
}

// ask sends one request by HTTP/1.1, through no proxy, and follows no redirection. It
// does without http.Transport, which the server links nowhere else.
func ask(ctx context.Context, u *url.URL, config *tls.Config, token string) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, "GET", u.String(), nil)
	if err != nil {
		return 0, nil, err
	}
	r.Close = true
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	dial, port := new(net.Dialer).DialContext, "80"
	if u.Scheme == "https" {
		dial, port = (&tls.Dialer{Config: config}).DialContext, "443"
	}
	if u.Port() != "" {
		port = u.Port()
	}
	c, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return 0, nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	answer, err := exchange(c, r)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err() // which closed the connection
		}
		return 0, nil, err
	}
	body, _ = io.ReadAll(io.LimitReader(answer.Body, 1000)) // for the error's text alone
	return answer.StatusCode, body, nil
}

func exchange(c net.Conn, r *http.Request) (*http.Response, error) {
	if err := r.Write(c); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(io.LimitReader(c, 64<<10)), r)
}

// pinned wants the first certificate of a file from the server, and nothing else: a
// check from inside the container asks at 127.0.0.1, which the certificate does not name.
func pinned(file string) (*tls.Config, error) {
	text, err := regular.Read(file, maxText)
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
