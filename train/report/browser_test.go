package report

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromiumTab is a page in headless Chromium.
func chromiumTab(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("Chromium is not installed: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	browser, _ := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox))
	t.Cleanup(func() { chromedp.Cancel(browser); cancel() })
	return browser
}

// TestAlbumByKeyboard: a number of the matrix opens its pictures by Enter, and Escape closes
// them; the page stays in its width on a phone.
func TestAlbumByKeyboard(t *testing.T) {
	browser := chromiumTab(t)
	path := filepath.Join(t.TempDir(), File)
	if err := os.WriteFile(path, []byte(reported(t, convNet(3), blobSet([3]int{1, 6, 5}, "ant", "bee", "cat"))), 0o644); err != nil {
		t.Fatal(err)
	}
	ask := func(condition string) bool {
		t.Helper()
		ok, err := chromedp.Run(browser, chromedp.Evaluate[bool](condition))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	const open = "document.querySelectorAll('.album:popover-open img').length > 0"
	if err := chromedp.Do(browser, chromedp.EmulateViewport(390, 800), chromedp.Navigate("file://"+path), chromedp.Focus(".matrix button")); err != nil {
		t.Fatal(err)
	}
	if ask(open) {
		t.Error("pictures are open before anybody asks")
	}
	if err := chromedp.Do(browser, chromedp.KeyEvent("\r")); err != nil {
		t.Fatal(err)
	}
	if !ask(open) {
		t.Error("Enter opens no pictures")
	}
	if err := chromedp.Do(browser, chromedp.KeyEvent("\x1b")); err != nil {
		t.Fatal(err)
	}
	if ask(open) {
		t.Error("Escape does not close the pictures")
	}
	if !ask("document.documentElement.scrollWidth <= 390") {
		t.Error("the page is wider than a phone")
	}
}

// TestLiveReconnects: a page in headless Chromium outlives a broken connection,
// and gives a run up only that does not answer any more.
func TestLiveReconnects(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a browser to try again")
	}
	browser := chromiumTab(t)
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
