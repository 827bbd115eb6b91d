package train

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapenet/train/report"
)

// TestReport: a run ends with a report, unless it is not wanted; a run that goes
// on replaces it.
func TestReport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	path := filepath.Join(dir, report.File)
	out := trained(t, quick(t, "-report=false", "-out", dir)...)
	if _, err := os.Stat(path); err == nil || strings.Contains(out, "report") {
		t.Errorf("a report with -report=false: printed %s", out)
	}
	for _, epochs := range []string{"2", "3", "3"} {
		trained(t, quick(t, "-resume", "-epochs", epochs, "-out", dir)...)
		if page := string(read(t, path)); !strings.Contains(page, "<th>epochs</th><td>"+epochs+"</td>") {
			t.Errorf("the report is not that of %s epochs", epochs)
		} else if !strings.Contains(page, "<dt>limit</dt><dd>200</dd>") || !strings.Contains(page, "patience 0, ") {
			t.Error("the report does not list all settings")
		}
	}
}

// watched trains with a dashboard, and calls look with its address when the
// first epoch is over.
func watched(t *testing.T, look func(url string), args ...string) (stdout string, err error) {
	t.Helper()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		var errs strings.Builder
		err := run(ctx, quick(t, append([]string{"-out", filepath.Join(t.TempDir(), "x")}, args...)...), w, &errs)
		w.Close()
		ended <- err
	}()
	address := regexp.MustCompile(`dashboard: (http://\S+)\n(?s:.*)epoch 1/`)
	var text strings.Builder
	looked := false
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		text.Write(buf[:n])
		if m := address.FindStringSubmatch(text.String()); m != nil && !looked {
			looked = true
			look(m[1])
			cancel()
		}
		if err != nil {
			break
		}
	}
	if !looked {
		t.Errorf("printed %q, want the dashboard's address and an epoch", text.String())
	}
	return text.String(), <-ended
}

// TestDashboard: it answers while the run goes on and not after it, and browsers
// do not keep the run from ending.
func TestDashboard(t *testing.T) {
	var at string
	var events *http.Response
	_, err := watched(t, func(url string) {
		at = url
		r, err := http.Get(url)
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Body.Close()
		page, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(page), "<th>model</th><td>lenet5</td>") || !strings.HasPrefix(url, "http://127.0.0.1:") {
			t.Errorf("%s: error %v and page %s", url, err, page)
		}
		if events, err = http.Get(url + "events"); err != nil {
			t.Error(err)
		}
		other, err := http.NewRequest("GET", url, nil)
		if err != nil {
			t.Error(err)
			return
		}
		other.Host = "evil.example" // a page's own name, which it has made lead here
		if r, err = http.DefaultClient.Do(other); err != nil {
			t.Error(err)
			return
		}
		r.Body.Close()
		if r.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("for another host: status %d, want 421", r.StatusCode)
		}
	}, "-dashboard", "-epochs", "100000")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if events != nil {
		defer events.Body.Close()
		text, err := io.ReadAll(events.Body)
		if err != nil || !strings.Contains(string(text), "event: end\n") {
			t.Errorf("error %v and %d bytes, want events with an end", err, len(text))
		}
	}
	if r, err := http.Get(at); err == nil {
		r.Body.Close()
		t.Error("the dashboard answers after the run")
	}
}

func TestDashboardFlag(t *testing.T) {
	for address, want := range map[string]string{
		"true": "127.0.0.1:0", ":8080": "127.0.0.1:8080", "0.0.0.0:80": "0.0.0.0:80", "[::1]:80": "[::1]:80", "nonsense": "nonsense",
	} {
		if got := local(address); got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
	out := trained(t, quick(t, "-dashboard=false", "-out", filepath.Join(t.TempDir(), "x"))...)
	if strings.Contains(out, "dashboard") {
		t.Errorf("printed %s with -dashboard=false", out)
	}
	dir := filepath.Join(t.TempDir(), "x")
	if _, _, err := trains(t, quick(t, "-dashboard=nonsense", "-out", dir)...); err == nil || !strings.HasPrefix(err.Error(), "train: dashboard: ") {
		t.Errorf("error %v, want one of the dashboard's address", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a run without its dashboard began")
	}
}
