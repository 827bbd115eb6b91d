// Package guard keeps a page of one site from calling a server of another.
//
// A browser lets any page send requests to any address, those of the user's own machine
// among them. The page cannot read the answers, but what a request does is done. And a
// page whose name its owner makes lead to 127.0.0.1 (DNS rebinding) reads the answers too.
// A Guard refuses the first by the headers Origin and Sec-Fetch-Site, which browsers set
// and pages cannot, and the second by the name in the header Host.
package guard

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Guard says whose requests a server answers. It is safe for concurrent use.
type Guard struct {
	names   []string // that the server has; nil is any
	origins map[string]bool
	cross   *http.CrossOriginProtection
}

// New is the guard of a server that has these names, numbers apart; nil is any. Pages of
// the origins, such as https://example.com, may call it and read its answers, and their
// names are its too; pages of all others may not.
func New(names, origins []string) (*Guard, error) {
	g := &Guard{names: slices.Clone(names), origins: map[string]bool{}, cross: http.NewCrossOriginProtection()}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err == nil {
			err = g.cross.AddTrustedOrigin(origin)
		}
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("the origin %.100q, want a scheme and a host and no more, as in https://example.com", origin)
		}
		g.origins[origin] = true
		if names != nil {
			g.names = append(g.names, u.Hostname())
		}
	}
	return g, nil
}

// Names are those of a server that listens at an address: localhost at a loopback
// address; nil, which is any, at others: the network's own names lead there.
func Names(listener net.Addr) []string {
	if a, ok := listener.(*net.TCPAddr); ok && a.IP.IsLoopback() {
		return []string{"localhost"}
	}
	return nil
}

// ErrHost is the error of a request for another name than the server's, ErrOrigin that
// of a request from a page of another site.
var (
	ErrHost   = errors.New("want this server's address or name")
	ErrOrigin = errors.New("a request from a page of another site, want one from this server's own")
)

// Check returns an error for a request that a page of another site has had sent.
func (g *Guard) Check(r *http.Request) error {
	if !g.knows(r.Host) {
		return fmt.Errorf("a request for the host %.100q, %w", r.Host, ErrHost)
	}
	if g.cross.Check(r) != nil {
		return ErrOrigin
	}
	return nil
}

// Status is the status that answers an error of Check's.
func Status(err error) int {
	if errors.Is(err, ErrHost) {
		return http.StatusMisdirectedRequest
	}
	return http.StatusForbidden
}

// knows reports whether a Host header is the server's: a number, which no page has for
// its name, or one of its names. Without one it comes from no browser.
func (g *Guard) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if g.names == nil || host == "" || net.ParseIP(host) != nil {
		return true
	}
	for _, name := range g.names {
		if strings.EqualFold(host, name) {
			return true
		}
	}
	return false
}

// Share lets a page of one of the guard's origins read the answer, by CORS's headers. It
// reports whether the request is a browser's question before such a page's own request
// (https://fetch.spec.whatwg.org/#cors-preflight-fetch), which the headers answer.
func (g *Guard) Share(h http.Header, r *http.Request) (question bool) {
	origin := r.Header.Get("Origin")
	if !g.origins[origin] {
		return false
	}
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "*")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	h.Set("Access-Control-Max-Age", "600")
	return true
}

// Handler hands those requests over to h that Check lets through, and answers the others
// with a text.
func (g *Guard) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.Check(r); err != nil {
			http.Error(w, err.Error(), Status(err))
			return
		}
		h.ServeHTTP(w, r)
	})
}
