package serve

import (
	"context"
	"net/http"
	"net/http/pprof"
	"strconv"

	"tapenet/infer/serve"
)

// admin answers operators who have the server's token, until ctx ends: /metrics, and
// profiles of the process below /debug/pprof/. It is for an address of its own; the
// import of net/http/pprof adds nothing to the public one, which has a mux of its own.
func admin(ctx context.Context, s *serve.Server) http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", s.Metrics())
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /debug/pprof/":        pprof.Index, // and the profiles that have names: heap, goroutine, block, …
		"GET /debug/pprof/cmdline": pprof.Cmdline,
		"GET /debug/pprof/profile": pprof.Profile,
		"GET /debug/pprof/symbol":  pprof.Symbol,
		"GET /debug/pprof/trace":   pprof.Trace,
	} {
		m.Handle(pattern, private(ctx, s, h))
	}
	return m
}

// private lets those through who have the token. What they ask for ends with ctx: a
// profile over a minute does not keep the server from its end.
func private(ctx context.Context, s *serve.Server, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.Call(serve.Origin{Endpoint: "admin", Method: r.Method, Path: r.URL.Path, Client: r.RemoteAddr, Trace: serve.TraceID(r.Header)})
		err := s.Authorize(r.Header.Get("Authorization"))
		defer func() { c.End(r.Context(), err) }()
		if err != nil {
			status, message := serve.Status(err)
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			w.Write([]byte(`{"error":` + strconv.Quote(message) + "}\n"))
			return
		}
		until, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		h.ServeHTTP(w, r.WithContext(until))
	})
}
