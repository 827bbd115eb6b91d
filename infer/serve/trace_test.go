package serve

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The example of W3C's Trace Context, section 3.2.
const (
	exampleTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	exampleParent = "00f067aa0ba902b7"
)

func TestTraceID(t *testing.T) {
	example := "00-" + exampleTrace + "-" + exampleParent + "-01"
	tests := []struct {
		name    string
		headers []string
		ok      bool
	}{
		{"the example", []string{example}, true},
		{"not sampled", []string{"00-" + exampleTrace + "-" + exampleParent + "-00"}, true},
		{"flags of other meanings", []string{"00-" + exampleTrace + "-" + exampleParent + "-fe"}, true},
		{"a later version", []string{"cc-" + exampleTrace + "-" + exampleParent + "-01"}, true},
		{"a later version with more", []string{"cc-" + exampleTrace + "-" + exampleParent + "-01-what the future brings"}, true},
		{"a later version with more but no hyphen", []string{"cc-" + exampleTrace + "-" + exampleParent + "-01.x"}, false},
		{"none", nil, false},
		{"empty", []string{""}, false},
		{"twice", []string{example, example}, false},
		{"two in one", []string{example + "," + example}, false},
		{"version ff", []string{"ff-" + exampleTrace + "-" + exampleParent + "-01"}, false},
		{"version 00 with more", []string{example + "-more"}, false},
		{"version 00 with a hyphen", []string{example + "-"}, false},
		{"version of other signs", []string{"0x-" + exampleTrace + "-" + exampleParent + "-01"}, false},
		{"no trace", []string{"00-" + strings.Repeat("0", 32) + "-" + exampleParent + "-01"}, false},
		{"no parent", []string{"00-" + exampleTrace + "-0000000000000000-01"}, false},
		{"capitals in the trace", []string{"00-" + strings.ToUpper(exampleTrace) + "-" + exampleParent + "-01"}, false},
		{"capitals in the parent", []string{"00-" + exampleTrace + "-" + strings.ToUpper(exampleParent) + "-01"}, false},
		{"capitals in the flags", []string{"00-" + exampleTrace + "-" + exampleParent + "-0A"}, false},
		{"a short trace", []string{"00-" + exampleTrace[1:] + "-" + exampleParent + "-01"}, false},
		{"a short trace, a long parent", []string{"00-" + exampleTrace[1:] + "-0" + exampleParent + "-01"}, false},
		{"short flags", []string{"00-" + exampleTrace + "-" + exampleParent + "-1"}, false},
		{"without flags", []string{"00-" + exampleTrace + "-" + exampleParent}, false},
		{"another sign between", []string{strings.ReplaceAll(example, "-", "_")}, false},
		{"a line end", []string{"00-" + exampleTrace[:31] + "\n-" + exampleParent + "-01"}, false},
		{"not ASCII", []string{"00-" + exampleTrace[:30] + "é-" + exampleParent + "-01"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := ""
			if tt.ok {
				want = exampleTrace
			}
			id := TraceID(http.Header{"Traceparent": tt.headers})
			got := hex.EncodeToString(id[:])
			if id == [16]byte{} {
				got = ""
			}
			if got != want {
				t.Errorf("trace %q, want %q", got, want)
			}
		})
	}
}

// FuzzTraceID: whatever comes, a trace that is found stands in the header.
func FuzzTraceID(f *testing.F) {
	f.Add("00-" + exampleTrace + "-" + exampleParent + "-01")
	f.Add("01-" + exampleTrace + "-" + exampleParent + "-01-")
	f.Fuzz(func(t *testing.T, text string) {
		id := TraceID(http.Header{"Traceparent": {text}})
		if id != [16]byte{} && (len(text) < 55 || text[3:35] != hex.EncodeToString(id[:])) {
			t.Errorf("trace %x of %q", id, text)
		}
	})
}

// traced returns the trace of each logged request.
func traced(t *testing.T, log string) (ids []string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var v struct {
			Msg   string
			Trace string `json:"trace_id"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if v.Msg == "request" {
			ids = append(ids, v.Trace)
		}
	}
	return ids
}

// TestTraceInLog: a request's trace is in its line; without one, or with an invalid
// one, it begins its own. An answer has no header for it: W3C's recommendation names none.
func TestTraceInLog(t *testing.T) {
	var log bytes.Buffer
	s := start(t, func(c *Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	valid := "00-" + exampleTrace + "-" + exampleParent + "-01"
	for _, r := range []struct{ path, header string }{{"/v2", valid}, {"/none", valid}, {"/v2", ""}, {"/v2", "00-x"}, {"/v2", ""}} {
		headers := []string{"Traceparent", r.header}
		if r.header == "" {
			headers = nil
		}
		w := ask(t, s, "GET", r.path, nil, headers...)
		for key := range w.Header() {
			if strings.HasPrefix(strings.ToLower(key), "trace") {
				t.Errorf("the answer has a header %s", key)
			}
		}
	}
	ids := traced(t, log.String())
	if len(ids) != 5 || ids[0] != exampleTrace || ids[1] != exampleTrace {
		t.Fatalf("traces %q, want five that begin with the header's twice", ids)
	}
	seen := map[string]bool{exampleTrace: true, strings.Repeat("0", 32): true}
	for _, id := range ids[2:] {
		raw, err := hex.DecodeString(id)
		if err != nil || len(raw) != 16 || seen[id] {
			t.Errorf("trace %q, want a new one of 32 digits", id)
		}
		seen[id] = true
	}
}

// TestForgedLines: no part of a request begins a line, or a key, of its own in the log.
func TestForgedLines(t *testing.T) {
	forged := "x\nlevel=ERROR msg=forged trace_id=1\r\n{\"msg\":\"forged\"} "
	for _, asJSON := range []bool{false, true} {
		var log bytes.Buffer
		s := start(t, func(c *Config) {
			o := &slog.HandlerOptions{Level: slog.LevelDebug}
			c.Log = slog.New(slog.NewTextHandler(&log, o))
			if asJSON {
				c.Log = slog.New(slog.NewJSONHandler(&log, o))
			}
		})
		log.Reset()
		ask(t, s, "GET", "/"+url.PathEscape(forged), nil, "Traceparent", forged, "User-Agent", forged)
		ask(t, s, "GET", "/v2/models/"+url.PathEscape(forged), nil, "Traceparent", "00-"+exampleTrace+"-"+exampleParent+"-01"+"\nmsg=forged")
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines for two requests:\n%s", n, log.String())
		}
		for line := range strings.Lines(log.String()) {
			start := "time="
			if asJSON {
				start = `{"time":`
			}
			if !strings.HasPrefix(line, start) || strings.Contains(line, " msg=forged") && !strings.Contains(line, `\nlevel=ERROR msg=forged`) {
				t.Errorf("line %s", line)
			}
		}
	}
}
