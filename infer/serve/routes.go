package serve

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
)

// methods are the handlers of an address.
type methods map[string]handler

// health begins the addresses of probes.
const health = "/v2/health/"

// routes fills the mux.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.open(health+"live", "live", methods{"GET": live})
	s.open(health+"ready", "ready", methods{"GET": ready})
	for _, p := range []string{"/v2", "/v2/{$}"} {
		s.closed(p, "server", methods{"GET": serverMetadata})
	}
	for _, p := range []string{"/v2/models/{name}", "/v2/models/{name}/versions/{version}"} {
		s.closed(p, "metadata", methods{"GET": modelMetadata})
		s.closed(p+"/ready", "model_ready", methods{"GET": modelReady})
		s.closed(p+"/infer", "infer", methods{"POST": inferV2})
	}
	s.closed("/v1/models/{target}", "predict", methods{"GET": statusV1, "POST": predictV1})
	s.closed("/v1/models/{name}/versions/{target}", "predict", methods{"GET": statusV1, "POST": predictV1})
	s.open("/{$}", "page", methods{"GET": page("index.html")})
	for _, file := range []string{"style.css", "app.js", "backend.js", "pad.js", "paint.js", "picture.js"} {
		s.open("/"+file, "page", methods{"GET": page(file)})
	}
	s.closed("/explain", "explain", methods{"GET": explainable, "POST": explain})
	s.closed("/classify", "classify", methods{"POST": classify})
	if !s.config.MetricsApart {
		s.mux.Handle("/metrics", s.Metrics())
	}
	s.closed("/", "other", nil)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
		s.answer(w, r, "other", func(*call) ([]byte, error) {
			return nil, failed(http.StatusBadRequest, kindPath, "path %.100q has an empty, . or .. part", p)
		})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// open routes an address that needs no token.
func (s *Server) open(pattern, endpoint string, m methods) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, endpoint, m.choose)
	})
}

// closed routes an address that needs the token.
func (s *Server) closed(pattern, endpoint string, m methods) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, endpoint, func(c *call) ([]byte, error) {
			if err := s.Authorize(r.Header.Get("Authorization")); err != nil {
				return nil, err
			}
			return m.choose(c)
		})
	})
}

// choose runs the handler of the call's method.
func (m methods) choose(c *call) ([]byte, error) {
	if len(m) == 0 {
		metrics := ", /metrics"
		if c.server.config.MetricsApart {
			metrics = ""
		}
		return nil, failed(http.StatusNotFound, kindPath, "nothing at %.100q: want /v2, /v2/models/NAME/infer, /v1/models/NAME:predict, /classify, /explain%s, or / in a browser", c.URL.Path, metrics)
	}
	method := c.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h, ok := m[method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(m)), ", ")
		c.w.Header().Set("Allow", allowed)
		return nil, failed(http.StatusMethodNotAllowed, kindPath, "method %.20s, want %s", c.Method, allowed)
	}
	return h(c)
}

// Metrics answers with the metrics, for Prometheus, those who have the server's token.
// Prometheus's handler writes the answer, for it knows more formats than JSON.
func (s *Server) Metrics() http.Handler {
	h := s.metrics.handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.Authorize(r.Header.Get("Authorization")); err != nil {
			s.answer(w, r, "metrics", func(*call) ([]byte, error) { return nil, err })
			return
		}
		h.ServeHTTP(w, r)
	})
}
