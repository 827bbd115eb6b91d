package grpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// TestBothTransports has many clients ask for images over REST, in JSON and as bytes,
// and over gRPC, raw and typed, all of one model that is loaded anew meanwhile, and
// checks every answer against Predict. TAPENET_LONG_SERVE is how many requests, 200000
// for example; without it there are few.
func TestBothTransports(t *testing.T) {
	const clients = 64
	total, reloads := int64(2000), int64(3)
	if text := os.Getenv("TAPENET_LONG_SERVE"); text != "" {
		reloads = 20
		var err error
		if total, err = strconv.ParseInt(text, 10, 64); err != nil || total < 1 {
			t.Fatalf("TAPENET_LONG_SERVE is %q, want a number of requests", text)
		}
	}
	dir, x := run(t), pictures(100)
	s := start(t, func(c *serve.Config) { c.Model, c.Timeout = dir, time.Minute })
	want := predictions(t, dir, x...)
	h := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	ways := []func(ctx context.Context, image []float32) ([]float32, error){
		overJSON(h, s.http), overBytes(h, s.http), overGRPC(client(t, s.grpc), true), overGRPC(client(t, s.grpc), false),
	}
	var next, answered atomic.Int64
	var g sync.WaitGroup
	for range clients {
		g.Go(func() {
			for i := next.Add(1) - 1; i < total && !t.Failed(); i = next.Add(1) - 1 {
				if i%max(1, total/reloads) == 0 && i > 0 {
					touch(t, dir)
					if err := s.Reload(); err != nil {
						t.Error(err)
					}
				}
				k := i / int64(len(ways)) % int64(len(x))
				got, err := ways[i%int64(len(ways))](t.Context(), x[k])
				if err != nil || !near(got, want[k]) {
					t.Errorf("request %d, way %d: %v (%v), want %v", i, i%int64(len(ways)), got, err, want[k])
					return
				}
				answered.Add(1)
			}
		})
	}
	g.Wait()
	if answered.Load() != total {
		t.Errorf("%d answers, want %d", answered.Load(), total)
	}
	s.settled(t)
	t.Logf("%d requests over both transports, %d reloads: none lost, none wrong", answered.Load(), reloads)
}

// touch writes a run's model file anew.
func touch(t *testing.T, dir string) {
	name := dir + "/model.safetensors"
	text, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name+".new", text, 0o644)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		t.Error(err)
	}
}

// overJSON asks over REST.
func overJSON(c *http.Client, addr string) func(context.Context, []float32) ([]float32, error) {
	return func(ctx context.Context, image []float32) ([]float32, error) {
		text, err := json.Marshal(map[string]any{"inputs": []any{map[string]any{"name": "input", "shape": []int{1, 1, 28, 28}, "datatype": "FP32", "data": image}}})
		if err != nil {
			return nil, err
		}
		text, _, err = overREST(ctx, c, addr, text, nil)
		var a struct{ Outputs []struct{ Data []float32 } }
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		if err != nil || len(a.Outputs) != 1 {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		return a.Outputs[0].Data, nil
	}
}

// overBytes asks over REST, with bytes both ways.
func overBytes(c *http.Client, addr string) func(context.Context, []float32) ([]float32, error) {
	return func(ctx context.Context, image []float32) ([]float32, error) {
		const text = `{"parameters":{"binary_data_output":true},"inputs":[{"name":"input","shape":[1,1,28,28],"datatype":"FP32","parameters":{"binary_data_size":3136}}]}`
		_, data, err := overREST(ctx, c, addr, []byte(text), raw(image))
		if err != nil {
			return nil, err
		}
		return floats(data), nil
	}
}

// overREST sends JSON text with bytes behind it, and returns what comes.
func overREST(ctx context.Context, c *http.Client, addr string, text, data []byte) (answer, behind []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+addr+"/v2/models/cnn/infer", io.MultiReader(bytes.NewReader(text), bytes.NewReader(data)))
	if err != nil {
		return nil, nil, err
	}
	if r.ContentLength = int64(len(text) + len(data)); data != nil {
		r.Header.Set("Inference-Header-Content-Length", strconv.Itoa(len(text)))
	}
	w, err := c.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer w.Body.Close()
	if answer, err = io.ReadAll(w.Body); err != nil || w.StatusCode != http.StatusOK {
		return answer, nil, fmt.Errorf("status %d, %s: %w", w.StatusCode, answer, err)
	}
	n, err := strconv.Atoi(w.Header.Get("Inference-Header-Content-Length"))
	if err != nil {
		return answer, nil, nil
	}
	return answer[:n], answer[n:], nil
}

// overGRPC asks over gRPC.
func overGRPC(c inference.GRPCInferenceServiceClient, asRaw bool) func(context.Context, []float32) ([]float32, error) {
	return func(ctx context.Context, image []float32) ([]float32, error) {
		r := requestFor("FP32", 1)
		if asRaw {
			r.RawInputContents = [][]byte{raw(image)}
		} else {
			r.Inputs[0].Contents = &inference.InferTensorContents{Fp32Contents: image}
		}
		a, err := c.ModelInfer(ctx, r)
		if err != nil {
			return nil, err
		}
		if asRaw {
			return floats(a.RawOutputContents[0]), nil
		}
		return a.Outputs[0].Contents.GetFp32Contents(), nil
	}
}
