package report

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tapenet/train"
)

// get asks a server for a page.
func get(t *testing.T, url string) (page string, code int) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), r.StatusCode
}

// event reads the next event, whose data are the page's body.
func event(t *testing.T, from *bufio.Reader) (name, body string) {
	t.Helper()
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			t.Fatalf("the events ended before the end: %v", err)
		}
		if n, ok := strings.CutPrefix(line, "event: "); ok {
			name = strings.TrimSpace(n)
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				t.Fatalf("data %q: %v", text, err)
			}
			return name, body
		}
	}
}

// TestLive looks at the page before, during and after a run.
func TestLive(t *testing.T) {
	dir, d := t.TempDir()+"/<b>", blobSet([3]int{1, 6, 5}, "<i>a</i>", "b", "c")
	live := NewLive(dir, d)
	server := httptest.NewServer(live)
	defer server.Close()
	page, _ := get(t, server.URL)
	has(t, page, "The run is about to begin.", "/&lt;b&gt;</h1>")
	elements(t, strings.Split(page, "<script>")[0]+"</body></html>")

	r, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	events := bufio.NewReader(r.Body)
	var first string
	batches := 0
	c := train.Config{Epochs: 3, Batch: 16, Model: "tiny", Dir: dir, Callbacks: []train.Callback{live}}
	c.Callbacks = append(c.Callbacks, train.BatchFunc(func(p train.Progress) {
		switch batches++; batches {
		case 2:
			page, _ := get(t, server.URL)
			has(t, page, "epoch 1 of 3, 32 of 60 images", "<progress max=\"60\" value=\"32\">", "<th>model</th><td>tiny</td>", "Filters of the first layer")
			hasNot(t, page, "<h2>Curves</h2>", "<h2>Confusion matrix</h2>")
			_, first = event(t, events)
		case 5: // the second epoch's first
			page, _ := get(t, server.URL)
			has(t, page, "epoch 2 of 3, 16 of 60 images", "<h2>Curves</h2>", "<th>epochs</th><td>1 of 3 done</td>")
			elements(t, "<html>"+page[strings.Index(page, "<main>"):strings.Index(page, "</main>")]+"</main></html>")
		}
	}))
	res, err := train.Fit(t.Context(), convNet(3), d, c)
	if err != nil {
		t.Fatal(err)
	}
	has(t, first, "of 60 images", "<h1>")
	rep, err := New(t.Context(), dir, res.Network, d)
	if err != nil {
		t.Fatal(err)
	}
	live.End(rep)
	name, body := event(t, events)
	for name != "end" {
		name, body = event(t, events)
	}
	has(t, body, "<h2>Confusion matrix</h2>", "&lt;i&gt;a&lt;/i&gt;", "<th>epochs</th><td>3</td>")
	hasNot(t, body, "<progress", "<i>")
	if rest, err := io.ReadAll(events); err != nil || strings.TrimSpace(string(rest)) != "" {
		t.Errorf("%q and error %v after the end", rest, err)
	}
	page, _ = get(t, server.URL)
	has(t, page, "<h2>Confusion matrix</h2>", "<script>", "The run has ended.")
	hasNot(t, page, "about to begin", "Training.")
	if rep.page.Live {
		t.Error("the report became a live page")
	}
}

// TestLiveEndsWithoutReport: an interrupted run lets go of its browsers.
func TestLiveEndsWithoutReport(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b", "c")
	live := NewLive(t.TempDir(), d)
	server := httptest.NewServer(live)
	defer server.Close()
	r, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	live.End(nil)
	if name, body := event(t, bufio.NewReader(r.Body)); name != "end" || !strings.Contains(body, "<h1>") || !strings.Contains(body, "The run has ended.") {
		t.Errorf("event %q with %q, want the end", name, body)
	}
	page, _ := get(t, server.URL)
	has(t, page, "The run has ended.")
	hasNot(t, page, "about to begin")
}

func TestLiveRequests(t *testing.T) {
	server := httptest.NewServer(NewLive(t.TempDir(), blobSet([3]int{1, 6, 5}, "a")))
	defer server.Close()
	if _, code := get(t, server.URL+"/model.safetensors"); code != http.StatusNotFound {
		t.Errorf("code %d for a file, want 404", code)
	}
	r, err := http.Post(server.URL, "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("code %d for POST, want 405", r.StatusCode)
	}
}
