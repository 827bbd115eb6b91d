package grpc

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
	"tapenet/modelzoo"
)

// run leaves a run's folder named cnn, of a network that has not learned anything.
func run(t testing.TB) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "cnn")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	n, err := graph.NewNetwork(modelzoo.CNN(10), []int{1, 28, 28}, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := weights.Model{Name: "cnn", Input: [3]int{1, 28, 28}, Classes: strings.Split("0123456789", ""), Tensors: n.Weights.Map()}
	if err := m.Save(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// silent logs nothing.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// server is a server under test.
type server struct {
	*serve.Server
	http, grpc string // addresses
	end        func() error
}

// start serves a run until the test ends.
func start(t testing.TB, change func(*serve.Config)) *server {
	t.Helper()
	c := serve.Config{Log: silent()}
	if change(&c); c.Model == "" {
		c.Model = run(t)
	}
	s, err := serve.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var l [2]net.Listener
	for i := range l {
		if l[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l[0], serve.Also{Listener: l[1], Handler: Handler(s), HTTP2: true}) }()
	over := false
	end := func() error {
		if over {
			return nil
		}
		over = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { end() })
	return &server{s, l[0].Addr().String(), l[1].Addr().String(), end}
}

// client is one of the server's without TLS.
func client(t testing.TB, addr string, options ...grpc.DialOption) inference.GRPCInferenceServiceClient {
	t.Helper()
	if len(options) == 0 {
		options = []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	}
	c, err := grpc.NewClient("passthrough:///"+addr, append(options, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return inference.NewGRPCInferenceServiceClient(c)
}

// pictures returns n images of random values.
func pictures(n int) [][]float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([][]float32, n)
	for i := range x {
		x[i] = make([]float32, 784)
		for k := range x[i] {
			x[i][k] = r.Float32()
		}
	}
	return x
}

// raw are values as bytes.
func raw(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return b
}

// request asks cnn for n images.
func requestFor(datatype string, n int64) *inference.ModelInferRequest {
	return &inference.ModelInferRequest{ModelName: "cnn", Id: "42", Inputs: []*inference.ModelInferRequest_InferInputTensor{
		{Name: "input", Datatype: datatype, Shape: []int64{n, 1, 28, 28}},
	}}
}

// predictions of a model file, from package infer itself.
func predictions(t testing.TB, path string, images ...[]float32) [][]float32 {
	t.Helper()
	p, err := infer.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float32, len(all))
	for i, p := range all {
		x[i] = p.Probabilities
	}
	return x
}

// near tells whether values agree. A batch of another size may sum in another order.
func near(got, want []float32) bool {
	for i := range want {
		if len(got) != len(want) || !(got[i]-want[i] < 1e-6 && want[i]-got[i] < 1e-6) {
			return false
		}
	}
	return true
}

// wantStatus checks an error's code and a part of its message.
func wantStatus(t testing.TB, err error, code codes.Code, text string) {
	t.Helper()
	if s, ok := status.FromError(err); !ok || s.Code() != code || !strings.Contains(s.Message(), text) {
		t.Errorf("error %v, want %v with %q", err, code, text)
	}
}

func codeIn(err error) codes.Code { return status.Code(err) }

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
