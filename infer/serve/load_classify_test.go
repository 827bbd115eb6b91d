package serve

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// BenchmarkClassify has 64 clients send JPEGs of 640×480 to /classify over loopback,
// each a picture at a time on a connection of its own. The model is the one that
// TAPENET_MODEL names, such as torchvision's mobilenet_v2 in a file, else the zoo's
// MobileNetV2 at 3×112×112. Of what decoding and the network allow together, measured
// by themselves on all processors just before, share is how much is left.
func BenchmarkClassify(b *testing.B) {
	const clients, distinct, batch = 64, 16, 32
	path := os.Getenv("TAPENET_MODEL")
	if path == "" {
		path = saveMobileNet(b)
	}
	files := make([][]byte, distinct)
	for i := range files {
		files[i] = photograph(b, uint64(i))
	}
	p, err := infer.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	images := make([][]float32, batch)
	decoding := perSecond(2*time.Second, func(i int) {
		img, err := infer.DecodeImage(bytes.NewReader(files[i%distinct]))
		if err != nil {
			b.Error(err)
			return
		}
		pixels, err := p.Pixels(img)
		if err != nil {
			b.Error(err)
		}
		if i < batch {
			images[i] = pixels
		}
	})
	if slices.ContainsFunc(images, func(x []float32) bool { return x == nil }) {
		b.Fatal("too few pictures were decoded in the time")
	}
	network := float64(batch) / median(9, func() {
		if _, err := p.Predict(images); err != nil {
			b.Fatal(err)
		}
	}).Seconds()
	allowed := 1 / (1/decoding + 1/network)

	s := start(b, func(c *Config) { c.Model = path })
	h := httptest.NewServer(s)
	defer h.Close()
	h.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = clients
	b.ResetTimer()
	latencies := byClients(b.N, clients, func(i int) {
		r, err := h.Client().Post(h.URL+"/classify", "image/jpeg", bytes.NewReader(files[i%distinct]))
		if err != nil {
			b.Error(err)
			return
		}
		defer r.Body.Close()
		if text, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusOK {
			b.Errorf("status %d, %v: %.200s", r.StatusCode, err, text)
		}
	})
	reached := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(reached, "pictures/s")
	b.ReportMetric(decoding, "decoded/s")
	b.ReportMetric(network, "network/s")
	b.ReportMetric(100*reached/allowed, "%-of-allowed")
	slices.Sort(latencies)
	b.ReportMetric(latencies[len(latencies)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(latencies[len(latencies)*99/100].Seconds()*1e3, "p99-ms")
}

// byClients calls f n times, with the number of each call, by so many goroutines. It
// returns how long the calls took.
func byClients(n, clients int, f func(i int)) []time.Duration {
	times := make([]time.Duration, n)
	var next atomic.Int64
	var g sync.WaitGroup
	for range clients {
		g.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				begin := time.Now()
				f(i)
				times[i] = time.Since(begin)
			}
		})
	}
	g.Wait()
	return times
}

// perSecond is how many times a second f can be called on all processors together.
func perSecond(d time.Duration, f func(i int)) float64 {
	var calls atomic.Int64
	var g sync.WaitGroup
	begin := time.Now()
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() {
			for time.Since(begin) < d {
				f(int(calls.Add(1)) - 1)
			}
		})
	}
	g.Wait()
	return float64(calls.Load()) / time.Since(begin).Seconds()
}

// median is the median time of n calls of f, after one more.
func median(n int, f func()) time.Duration {
	f()
	times := byClients(n, 1, func(int) { f() })
	slices.Sort(times)
	return times[n/2]
}

// photograph is a JPEG of 640×480: waves of many lengths and a little noise, which
// have about as many bytes as a photograph has.
func photograph(t testing.TB, seed uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	const w, h, waves = 640, 480, 8
	var kx, ky, phase, size [waves][3]float64
	for i := range waves {
		for c := range 3 {
			k := math.Exp(r.Float64()*6 - 6) // per pixel
			kx[i][c], ky[i][c] = k*r.NormFloat64(), k*r.NormFloat64()
			phase[i][c], size[i][c] = 2*math.Pi*r.Float64(), 40*r.Float64()
		}
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := [3]float64{128, 128, 128}
			for i := range waves {
				for c := range v {
					v[c] += size[i][c] * math.Sin(kx[i][c]*float64(x)+ky[i][c]*float64(y)+phase[i][c])
				}
			}
			noise := 4 * r.NormFloat64()
			level := func(v float64) uint8 { return uint8(min(max(v+noise, 0), 255)) }
			img.SetRGBA(x, y, color.RGBA{level(v[0]), level(v[1]), level(v[2]), 255})
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// saveMobileNet writes an untrained MobileNetV2 for pictures of 112×112, and returns its file.
func saveMobileNet(t testing.TB) string {
	t.Helper()
	input := [3]int{3, 112, 112}
	n, err := graph.NewNetwork(modelzoo.MobileNetV2{Classes: 10}, input[:], graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), open.ModelFile)
	m := weights.Model{Name: "mobilenetv2", Input: input, Classes: strings.Split("0123456789", ""), Tensors: n.Weights.Map()}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}
