package label

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a page in headless Chromium.
type tab struct {
	*testing.T
	ctx context.Context
	url string

	mu  sync.Mutex
	bad []string // errors on the console, and requests to others
}

// startBrowser starts Chromium with a camera that shows a moving pattern. It ends with the
// test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium")
	}
	ctx, _ := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true)))
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// openPage opens a server's page in a new tab.
func openPage(t *testing.T, browser context.Context, s *server) *tab {
	t.Helper()
	working, stop := context.WithCancel(context.Background())
	go s.guesses.work(working)
	listener := httptest.NewServer(s.handler())
	t.Cleanup(func() { listener.Close(); stop() })
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx, url: listener.URL}
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(b.url))
	return b
}

// event notes what must not be.
func (b *tab) event(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		b.bad = append(b.bad, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.bad = append(b.bad, fmt.Sprintf("console: %s", e.Type))
	case *cdplog.EventEntryAdded:
		b.bad = append(b.bad, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.url+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			b.bad = append(b.bad, "request for "+e.Request.URL)
		}
	}
}

// quiet demands that nothing bad was noted but what has one of the texts.
func (b *tab) quiet(but ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bad := range b.bad {
		known := false
		for _, text := range but {
			known = known || strings.Contains(bad, text)
		}
		if !known {
			b.Errorf("the page complains: %q", bad)
		}
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// press presses keys, one after the other.
func (b *tab) press(keys string, options ...chromedp.KeyOption) {
	b.Helper()
	b.do(chromedp.KeyEvent(keys, options...))
}

// value is that of a JavaScript expression.
func value[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// command sends a command of Chromium's.
func command[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// wait waits until a JavaScript condition holds.
func (b *tab) wait(condition string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.Fatalf("%v while waiting for %s; the page says %q, %q", err, condition,
			value[string](b, `document.getElementById("said").textContent`), value[string](b, `document.getElementById("error").textContent`))
	}
}

// text waits until an element's text has a part.
func (b *tab) text(id, part string) {
	b.Helper()
	b.wait(fmt.Sprintf(`document.getElementById(%q).textContent.includes(%q)`, id, part))
}
