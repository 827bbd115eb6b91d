package torture

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tapenet/infer/serve/grpc/inference"
	"tapenet/modelzoo/open"
)

// TestTortureRequest sends requests in four ways while the model's file is replaced four
// times a second, now and then by one that cannot be used, and another model comes and
// goes. A trial is a thousand requests, each of whose answers is checked.
func TestTortureRequest(t *testing.T) {
	const clients, requests = 16, 1000
	v := makeVariants(t)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "m", open.ModelFile), v.files[0])
	s := served(t, nil, "-models", dir, "-addr", "127.0.0.1:0", "-grpc", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-reload", "50ms", "-timeout", "1m")
	ways := []way{overJSON(s.url), overBytes(s.url), overGRPC(t, s.grpc), overClassify(client, s.url)}

	ctx, stop := context.WithCancel(t.Context())
	var swapping sync.WaitGroup
	swapping.Go(func() { swap(ctx, t, dir, v) })
	var memory, goroutines float64 // after the first trials
	Part{
		Name: "request", Short: 4, Full: 1000,
		Failure:   "a thousand requests over REST in JSON and in bytes, gRPC and /classify, while models are replaced four times a second, a tenth by files that are damaged, half written, of another network or too large",
		Guarantee: "none lost, each answer one model's, memory and goroutines flat",
	}.Run(t, func(t *testing.T, number int) string {
		var sending sync.WaitGroup
		for client := range clients {
			sending.Go(func() {
				random := rand.New(rand.NewPCG(uint64(number), uint64(client)))
				for i := client; i < requests; i += clients {
					if err := v.ask(t.Context(), ways[random.IntN(len(ways))], random.IntN(len(v.pictures))); err != nil {
						t.Errorf("request %d: %v", i, err)
					}
				}
			})
		}
		sending.Wait()
		const bytesMore, goroutinesMore = 128 << 20, 200
		m, g := s.metric(t, "process_resident_memory_bytes"), s.metric(t, "go_goroutines")
		if memory == 0 {
			memory, goroutines = m, g
		}
		if m > memory+bytesMore || g > goroutines+goroutinesMore {
			t.Errorf("%.0f bytes of memory and %.0f goroutines, %.0f and %.0f after the first trial", m, g, memory, goroutines)
		}
		return "answered"
	})
	stop()
	swapping.Wait()
	put(t, filepath.Join(dir, "m", open.ModelFile), v.files[2])
	settles(t, "the last model", func() bool {
		got, err := ways[0](t.Context(), v.pictures[0])
		return err == nil && near(got, v.answers[2][0])
	})
	s.stop(t)
}

// swap replaces models until ctx ends.
func swap(ctx context.Context, t *testing.T, dir string, v *variants) {
	random := rand.New(rand.NewPCG(3, 4))
	file, other := filepath.Join(dir, "m", open.ModelFile), filepath.Join(dir, "other.safetensors")
	bad := [][]byte{
		modelFile(t, "cnn", "lenet5", 1), // another network's tensors
		bytes.Replace(v.files[0], []byte(`1,28,28`), []byte(`3,9,999`), 1),
		v.files[0][:len(v.files[0])/2],
		flip(slices.Clone(v.files[0]), random, 1),
		nil,
	}
	for n := 0; ; n++ {
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return
		}
		good := v.files[random.IntN(len(v.files))]
		switch n % 10 {
		case 3:
			put(t, file, bad[n/10%len(bad)])
		case 6: // as cp writes
			slowly(t, file, good)
		case 7:
			put(t, other, good)
		case 9:
			remove(t, other)
		default:
			put(t, file, good)
		}
	}
}

// ask sends a picture in some way and checks the answer: it is one variant's.
func (v *variants) ask(ctx context.Context, w way, picture int) error {
	got, err := w(ctx, v.pictures[picture])
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.answers, func(a [][]float32) bool { return near(got, a[picture]) }) {
		return fmt.Errorf("got %v, want one of the variants' answers to picture %d", got, picture)
	}
	return nil
}

// near is equality but for the order of sums, which depends on the batch.
func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= 1e-6 })
}

// way sends a picture and returns the probabilities that come.
type way func(ctx context.Context, p picture) ([]float32, error)

// client keeps its connections.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

// post sends a body by a client and returns the answer's.
func post(ctx context.Context, c *http.Client, url, header string, body []byte) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if header != "" {
		r.Header.Set("Inference-Header-Content-Length", header)
	}
	w, err := c.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err == nil && w.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d, %.300s", w.StatusCode, text)
	}
	return text, w.Header, err
}

func overJSON(url string) way {
	return func(ctx context.Context, p picture) ([]float32, error) {
		text, _, err := post(ctx, client, url+"/v2/models/m/infer", "", []byte(textOf(p)))
		if err != nil {
			return nil, err
		}
		var a struct{ Outputs []struct{ Data []float32 } }
		if err := json.Unmarshal(text, &a); err != nil || len(a.Outputs) != 1 {
			return nil, fmt.Errorf("%.300s: %w", text, err)
		}
		return a.Outputs[0].Data, nil
	}
}

func overBytes(url string) way {
	const text = `{"parameters":{"binary_data_output":true},"inputs":[{"name":"input","shape":[1,1,28,28],"datatype":"FP32","parameters":{"binary_data_size":3136}}]}`
	return func(ctx context.Context, p picture) ([]float32, error) {
		answer, header, err := post(ctx, client, url+"/v2/models/m/infer", strconv.Itoa(len(text)), append([]byte(text), toBytes(p.pixels)...))
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(header.Get("Inference-Header-Content-Length"))
		if err != nil || n > len(answer) {
			return nil, fmt.Errorf("%d bytes of an answer whose text has %d: %w", len(answer), n, err)
		}
		return toFloats(answer[n:]), nil
	}
}

func overClassify(c *http.Client, url string) way {
	return func(ctx context.Context, p picture) ([]float32, error) {
		text, _, err := post(ctx, c, url+"/classify?model=m", "", p.file)
		if err != nil {
			return nil, err
		}
		var a struct{ Probabilities []float32 }
		err = json.Unmarshal(text, &a)
		return a.Probabilities, err
	}
}

func overGRPC(t *testing.T, addr string) way {
	t.Helper()
	c, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	service := inference.NewGRPCInferenceServiceClient(c)
	return func(ctx context.Context, p picture) ([]float32, error) {
		a, err := service.ModelInfer(ctx, &inference.ModelInferRequest{
			ModelName:        "m",
			Inputs:           []*inference.ModelInferRequest_InferInputTensor{{Name: "input", Datatype: "FP32", Shape: []int64{1, 1, 28, 28}}},
			RawInputContents: [][]byte{toBytes(p.pixels)},
		})
		if err != nil {
			return nil, err
		}
		return toFloats(a.RawOutputContents[0]), nil
	}
}

// toBytes are numbers as the protocol has them.
func toBytes(x []float32) (b []byte) {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func toFloats(b []byte) (x []float32) {
	for c := range slices.Chunk(b, 4) {
		x = append(x, math.Float32frombits(binary.LittleEndian.Uint32(c)))
	}
	return x
}
