package report

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestLiveReconnects: a page in headless Chromium outlives a broken connection,
// and gives a run up only that does not answer any more.
func TestLiveReconnects(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a browser to try again")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("Chromium is not installed: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	browser, _ := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox))
	defer chromedp.Cancel(browser)
	says := func(text string) {
		t.Helper()
		condition := fmt.Sprintf("document.getElementById('state').textContent === %q", text)
		if _, err := chromedp.Run(browser, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(40*time.Second))); err != nil {
			t.Fatalf("%v while waiting for %q", err, text)
		}
	}
	for _, answers := range []bool{true, false} {
		live := NewLive(t.TempDir(), blobSet([3]int{1, 6, 5}, "a", "b"))
		server := httptest.NewServer(live)
		defer server.Close()
		if err := chromedp.Do(browser, chromedp.Navigate(server.URL)); err != nil {
			t.Fatal(err)
		}
		says("The run is about to begin.")
		if err := chromedp.Do(browser, chromedp.Poll[chromedp.Void]("events.readyState === EventSource.OPEN")); err != nil {
			t.Fatal(err)
		}
		if answers {
			server.CloseClientConnections()
			says("The run does not answer. Trying again.")
			says("The page follows the run.")
			live.End(nil)
			says("The run has ended.")
		} else {
			server.Listener.Close()
			server.CloseClientConnections()
			says("The run does not answer. Trying again.")
			says("The run does not answer: it has ended.")
		}
	}
}
