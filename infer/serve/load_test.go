package serve

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkServe has 64 clients ask for one image at a time over loopback,
// checks every answer against Predict, and has the model loaded anew 200 times
// meanwhile. Its time is that of clients and server together.
func BenchmarkServe(b *testing.B) {
	const clients, reloads = 64, 200
	dir, x := filepath.Join(b.TempDir(), "cnn"), pictures(100)
	save(b, dir, "cnn", 1)
	want := predictions(b, dir, x...)
	bodies := make([]string, len(x))
	for i := range x {
		bodies[i] = bodyV2(x[i])
	}
	s := start(b, func(c *Config) { c.Model = dir })
	h := httptest.NewServer(s)
	defer h.Close()
	h.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = clients
	var next atomic.Int64
	var g sync.WaitGroup
	b.ResetTimer()
	for range clients {
		g.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				if every := max(1, int64(b.N/reloads)); i%every == 0 {
					save(b, dir, "cnn", 1)
					if err := s.Reload(); err != nil {
						b.Error(err)
					}
				}
				k := i % int64(len(x))
				got, err := overHTTP(h.Client(), h.URL+"/v2/models/cnn/infer", bodies[k])
				if err == nil {
					err = near(got, want[k])
				}
				if err != nil {
					b.Errorf("request %d: %v", i, err)
				}
			}
		})
	}
	g.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
