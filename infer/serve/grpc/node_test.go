package grpc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	"tapenet/infer/serve"
)

// certify writes a certificate for 127.0.0.1 that signs itself, and its key.
func certify(t *testing.T, dir string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, pool = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(text)
	for name, b := range map[string][]byte{cert: text, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pool
}

// TestTLS: with a certificate there is TLS alone.
func TestTLS(t *testing.T) {
	cert, key, pool := certify(t, t.TempDir())
	s := start(t, func(c *serve.Config) { c.Cert, c.Key = cert, key })
	c := client(t, s.grpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool})))
	r := requestFor("FP32", 1)
	r.RawInputContents = [][]byte{make([]byte, 4*784)}
	if _, err := c.ModelInfer(t.Context(), r); err != nil {
		t.Error(err)
	}
	_, err := client(t, s.grpc).ModelInfer(t.Context(), r)
	wantStatus(t, err, codes.Unavailable, "")
}

// TestNode asks by an independent client, npm's @grpc/grpc-js, with the protocol's own
// .proto file, over TLS and with a token.
func TestNode(t *testing.T) {
	if err := exec.Command("node", "-e", "require('@grpc/grpc-js'); require('@grpc/proto-loader')").Run(); err != nil {
		t.Skipf("npm's @grpc/grpc-js and @grpc/proto-loader are not installed, or NODE_PATH does not lead to them: %v", err)
	}
	dir, model := t.TempDir(), run(t)
	cert, key, _ := certify(t, dir)
	s := start(t, func(c *serve.Config) { c.Model, c.Cert, c.Key, c.Token = model, cert, key, "secret" })
	x := pictures(1)[0]
	want := predictions(t, model, x)[0]
	values := filepath.Join(dir, "values")
	if err := os.WriteFile(values, raw(x), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/client.js", "inference/open_inference_grpc.proto", s.grpc, cert, "secret", values)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("%v: %v\n%s", cmd, err, exit.Stderr)
	}
	type failure struct {
		Code    codes.Code
		Details string
	}
	var got struct {
		Live       struct{ Live bool }
		Ready      struct{ Ready bool }
		ModelReady struct{ Ready bool }
		Server     struct{ Name string }
		Model      struct {
			Name   string
			Inputs []struct {
				Name, Datatype string
				Shape          []int
			}
		}
		Typed struct {
			ID      string
			Outputs []struct {
				Shape    []int
				Contents struct {
					Floats []float32 `json:"fp32_contents"`
				}
			}
		}
		RawValues                []float32
		Labels                   []string
		Stranger, Missing, Short failure
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if !got.Live.Live || !got.Ready.Ready || !got.ModelReady.Ready || got.Server.Name != "tapenet" || got.Model.Name != "cnn" || !slices.Equal(got.Model.Inputs[0].Shape, []int{-1, 1, 28, 28}) {
		t.Errorf("metadata: %s", out)
	}
	if got.Typed.ID != "from node" || !near(got.Typed.Outputs[0].Contents.Floats, want) || !near(got.RawValues, want) {
		t.Errorf("values %v and, raw, %v, want %v", got.Typed.Outputs, got.RawValues, want)
	}
	best := slices.Index(want, slices.Max(want))
	if len(got.Labels) != 3 || got.Labels[0] != fmt.Sprintf("%f:%d:%d", want[best], best, best) {
		t.Errorf("classes %q, want three, and first class %d with %v", got.Labels, best, want[best])
	}
	for _, tt := range []struct {
		got  failure
		code codes.Code
		text string
	}{{got.Stranger, codes.Unauthenticated, "Bearer"}, {got.Missing, codes.NotFound, `no model "none"`}, {got.Short, codes.InvalidArgument, "3132 bytes, want 3136"}} {
		if tt.got.Code != tt.code || !strings.Contains(tt.got.Details, tt.text) {
			t.Errorf("error %+v, want %v with %q", tt.got, tt.code, tt.text)
		}
	}
}
