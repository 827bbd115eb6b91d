package serve

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// used is a server that has had good and bad requests.
func used(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	s := start(t, change)
	for range 3 {
		output(t, s, "/v2/models/cnn/infer", pictures(1)[0])
	}
	ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader("{"))
	ask(t, s, "POST", "/v2/models/lenet5/versions/2/infer", strings.NewReader(bodyV2(pictures(5)...)))
	ask(t, s, "GET", "/v2/models/"+strings.Repeat("x", 300), nil)
	ask(t, s, "GET", "/v2/../secret", nil)
	return s
}

// TestMetrics: what was asked is counted, by model.
func TestMetrics(t *testing.T) {
	s := used(t, func(*Config) {})
	ask(t, s, "POST", "/explain?model=cnn&version=1", bytes.NewReader(pngFile(t, drawing())))
	text := ask(t, s, "GET", "/metrics", nil).Body.String()
	for _, line := range []string{
		`tapenet_request_duration_seconds_count{code="200",endpoint="infer",model="cnn",version="1"} 3`,
		`tapenet_request_duration_seconds_count{code="400",endpoint="infer",model="cnn",version="1"} 1`,
		`tapenet_errors_total{endpoint="infer",kind="malformed",model="cnn",version="1"} 1`,
		`tapenet_errors_total{endpoint="metadata",kind="unknown_model",model="",version=""} 1`,
		`tapenet_errors_total{endpoint="other",kind="path",model="",version=""} 1`,
		`tapenet_batch_images_sum{model="lenet5",version="2"} 5`,
		`tapenet_request_duration_seconds_count{code="200",endpoint="explain",model="cnn",version="1"} 1`,
		`tapenet_batch_images_sum{model="cnn",version="1"} 3`, // explanations have no batches
		`tapenet_queue_wait_seconds_count{model="cnn",version="1"} 3`,
		`tapenet_queue_images{model="cnn",version="1"} 0`,
		`tapenet_model_loads_total{model="lenet5",result="ok",version="10"} 1`,
		`tapenet_model_load_timestamp_seconds{model="cnn",version="1"} 1.`,
		"process_resident_memory_bytes ", "go_goroutines ",
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(text, "xxx") || strings.Contains(text, "secret") {
		t.Error("a client's text is a label")
	}
}

// TestMetricsApart: Metrics answers in place of /metrics, and wants the token.
func TestMetricsApart(t *testing.T) {
	s := start(t, func(c *Config) { c.MetricsApart, c.Token = true, "secret" })
	w := ask(t, s, "GET", "/metrics", nil, "Authorization", "Bearer secret")
	wantFailure(t, w, http.StatusNotFound, "nothing at \"/metrics\"", "/explain, or /")
	wantFailure(t, ask(t, s.Metrics(), "GET", "/metrics", nil), http.StatusUnauthorized)
	if w := ask(t, s.Metrics(), "GET", "/metrics", nil, "Authorization", "Bearer secret"); !strings.Contains(w.Body.String(), "\ntapenet_queue_images{") {
		t.Errorf("status %d, %.200q, want metrics", w.Code, w.Body)
	}
}

// TestMetricsLint holds them against Prometheus's own rules.
func TestMetricsLint(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs promtool: apt-get install prometheus")
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = ask(t, used(t, func(*Config) {}), "GET", "/metrics", nil).Body
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// TestLog: failures are logged as structures; good requests only on demand.
func TestLog(t *testing.T) {
	for level, want := range map[slog.Level]int{slog.LevelInfo: 3, slog.LevelDebug: 7} {
		var b bytes.Buffer
		used(t, func(c *Config) { c.Log = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level})) })
		n := 0
		for line := range strings.Lines(b.String()) {
			var v struct {
				Msg, Path, Kind, Error, Model string
				Status                        int
			}
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if v.Msg != "request" {
				continue
			}
			n++
			if len(v.Path) > 200 || v.Path == "" || (v.Status != 0) != (v.Error != "" && v.Kind != "") {
				t.Errorf("line %s", line)
			}
		}
		if n != want {
			t.Errorf("level %v: %d requests are logged, want %d:\n%s", level, n, want, b.String())
		}
	}
}
